"""What an entity is: its key, its attributes with their dtypes, and which of them can differ.

The frames of every room have these columns in this order. Reading or writing them is not done here.
"""

from dataclasses import dataclass, field

import polars as pl

from incremental_assets.core.errors import DuplicateKey

TEXT = pl.String()
TIME = pl.Datetime("us", "UTC")
INT32 = pl.Int32()
INT64 = pl.Int64()
BOOL = pl.Boolean()


@dataclass(frozen=True)
class Entity:
    """One of databases, schemas, tables, columns, procedures.

    ``bookkeeping`` names attributes that are stored but never make a difference by themselves.
    """

    name: str
    singular: str
    key: tuple[str, ...]
    attributes: dict[str, pl.DataType]
    bookkeeping: frozenset[str] = field(default_factory=frozenset)

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """Column name -> dtype, key columns first."""
        return dict.fromkeys(self.key, TEXT) | self.attributes

    @property
    def compared(self) -> tuple[str, ...]:
        """The attributes that a diff looks at."""
        return tuple(name for name in self.attributes if name not in self.bookkeeping)

    def empty(self) -> pl.DataFrame:
        """A frame of this entity without rows."""
        return pl.DataFrame(schema=self.schema)


DATABASES = Entity(
    name="databases",
    singular="database",
    key=("database",),
    attributes={"owner": TEXT, "comment": TEXT, "native_id": TEXT},
)

SCHEMAS = Entity(
    name="schemas",
    singular="schema",
    key=("database", "schema"),
    attributes={"owner": TEXT, "comment": TEXT, "native_id": TEXT},
)

TABLES = Entity(
    name="tables",
    singular="table",
    key=("database", "schema", "table"),
    attributes={
        "kind": TEXT,
        "native_id": TEXT,
        "owner": TEXT,
        "comment": TEXT,
        "created_at": TIME,
        "altered_at": TIME,
        "row_count": INT64,
        "size_bytes": INT64,
        "column_count": INT32,
        "definition": TEXT,
        "parent_schema": TEXT,
        "parent_table": TEXT,
        "token": TEXT,
    },
    bookkeeping=frozenset({"altered_at", "row_count", "size_bytes", "token"}),
)

# references: where foreign keys lead, a JSON list of [database, schema, table, column] or null.
COLUMNS = Entity(
    name="columns",
    singular="column",
    key=("database", "schema", "table", "column"),
    attributes={
        "ordinal": INT32,
        "data_type": TEXT,
        "nullable": BOOL,
        "default": TEXT,
        "comment": TEXT,
        "is_primary_key": BOOL,
        "is_foreign_key": BOOL,
        "is_identity": BOOL,
        "is_generated": BOOL,
        "max_length": INT64,
        "numeric_precision": INT32,
        "numeric_scale": INT32,
        "collation": TEXT,
        "references": TEXT,
    },
)

PROCEDURES = Entity(
    name="procedures",
    singular="procedure",
    key=("database", "schema", "procedure", "kind", "signature"),
    attributes={
        "language": TEXT,
        "arguments": TEXT,
        "return_type": TEXT,
        "definition": TEXT,
        "owner": TEXT,
        "comment": TEXT,
        "native_id": TEXT,
        "created_at": TIME,
        "altered_at": TIME,
    },
    bookkeeping=frozenset({"altered_at"}),
)

ENTITIES: dict[str, Entity] = {
    entity.name: entity for entity in (DATABASES, SCHEMAS, TABLES, COLUMNS, PROCEDURES)
}


def completed(entity: Entity, stored: pl.LazyFrame) -> pl.LazyFrame:
    """Stored rows with the entity's columns, null where an older format did not have them."""
    there = stored.collect_schema()
    return stored.select(
        pl.col(name).cast(dtype) if name in there else pl.lit(None, dtype).alias(name)
        for name, dtype in entity.schema.items()
    )


def conform(entity: Entity, frame: pl.DataFrame) -> pl.DataFrame:
    """Bring ``frame`` to the entity's columns, dtypes and order of rows (bytewise by key).

    Raises:
        DuplicateKey: two rows share a key, or a part of a key is null.
    """
    conformed = frame.select(
        pl.col(name).cast(dtype) for name, dtype in entity.schema.items()
    ).sort(entity.key)
    key = pl.struct(entity.key)
    wrong = conformed.filter(
        key.is_duplicated() | pl.any_horizontal(pl.col(name).is_null() for name in entity.key)
    )
    if not wrong.is_empty():
        raise DuplicateKey(
            f"{entity.name}: the key {wrong.row(0)[: len(entity.key)]!r} is not unique "
            f"({wrong.height} rows concerned). The dialect's {entity.name}.sql must return each "
            "object once."
        )
    return conformed
