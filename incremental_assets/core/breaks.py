"""The kinds of changes that a watch rule can forbid, as the configuration names them.

Which row of a diff is of which kind is decided in watch.
"""

from enum import StrEnum


class Break(StrEnum):
    """The kinds of changes that a rule can forbid."""

    TABLE_DELETED = "table_deleted"
    TABLE_CREATED = "table_created"
    TABLE_RENAMED = "table_renamed"
    KIND_CHANGED = "kind_changed"
    DEFINITION_CHANGED = "definition_changed"
    OWNER_CHANGED = "owner_changed"
    COLUMN_DELETED = "column_deleted"
    COLUMN_ADDED = "column_added"
    COLUMN_RENAMED = "column_renamed"
    TYPE_CHANGED = "type_changed"
    NOT_NULL_SET = "not_null_set"
    NOT_NULL_DROPPED = "not_null_dropped"
    DEFAULT_CHANGED = "default_changed"
    KEY_CHANGED = "key_changed"
    GENERATED_CHANGED = "generated_changed"
    COLLATION_CHANGED = "collation_changed"
    COMMENT_CHANGED = "comment_changed"


# What takes something away from whoever reads or writes the table.
BREAKING = (
    Break.TABLE_DELETED,
    Break.TABLE_RENAMED,
    Break.COLUMN_DELETED,
    Break.COLUMN_RENAMED,
    Break.TYPE_CHANGED,
    Break.NOT_NULL_SET,
)
