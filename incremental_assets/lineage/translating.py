"""A table's asset as it is by default, and as a user's translator makes it: key, group, and so on.

What a translator gives is checked here, before anything starts. What the UI reads of a table is in
``specs``.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from incremental_assets.config.connection import Connection
from incremental_assets.config.errors import ConfigError
from incremental_assets.config.options import Lineage
from incremental_assets.core.asset_keys import key_part
from incremental_assets.core.lineage import Key, Table
from incremental_assets.core.names import path_of
from incremental_assets.lineage.specs import LONGEST_COMMENT
from incremental_assets.naming import CONNECTION_TAG
from incremental_assets.steps.metadata import inert

# Dagster allows letters, digits and underscores in the name of a group; two are our separator.
PLAIN = re.compile(r"[A-Za-z0-9]+(_[A-Za-z0-9]+)*", re.ASCII)
NOT_IN_A_GROUP = re.compile(r"[^A-Za-z0-9]+", re.ASCII)
KINDS = {
    "VIEW": {"view"},
    "MATERIALIZED VIEW": {"view", "materialized"},
    "FOREIGN TABLE": {"table", "foreign"},
}
MOST_TOLD = 10


@dataclass(frozen=True)
class SourceTable:
    """A table as a translator gets it. ``row`` and ``columns`` are its rows in the state."""

    connection: Connection
    row: Mapping[str, Any]
    columns: Sequence[Mapping[str, Any]]

    @property
    def database(self) -> str:
        """The database, as the source has it."""
        return str(self.row["database"])

    @property
    def schema(self) -> str:
        """The schema, as the source has it."""
        return str(self.row["schema"])

    @property
    def name(self) -> str:
        """The table's own name, as the source has it."""
        return str(self.row["table"])


class TableTranslator:
    """How a source's tables become assets. Give an instance of your own to ``build_definitions``.

    Override ``get_asset_spec`` and begin with what ``super()`` gives::

        class ByDomain(TableTranslator):
            def get_asset_spec(self, table):
                spec = super().get_asset_spec(table)
                return spec.replace_attributes(group_name=table.schema, owners=["team:sales"])
    """

    def get_asset_spec(self, table: SourceTable) -> dg.AssetSpec:
        """The asset of ``table``: called often, so it follows from ``table`` alone.

        What is known of the table is added: metadata, and what a view reads, which its
        dependencies and the lineage of its columns tell.
        """
        connection, lineage = table.connection, table.connection.lineage or Lineage()
        prefix = [connection.name] if lineage.key_prefix is None else lineage.key_prefix
        names = [key_part(str(table.row[part])) for part in lineage.key_parts]
        return dg.AssetSpec(
            dg.AssetKey([*prefix, *names]),
            group_name=_group_of(table, lineage),
            description=inert(table.row["comment"] or "", LONGEST_COMMENT) or None,
            owners=list(connection.owners),
            kinds={connection.dialect().name, *KINDS.get(table.row["kind"], {"table"})},
            tags={CONNECTION_TAG: connection.name},
        )


Translate = Callable[[dg.AssetSpec, SourceTable], dg.AssetSpec]


class _Function(TableTranslator):
    """A function that changes the asset that is there by default."""

    def __init__(self, change: Translate) -> None:
        self._change = change

    def get_asset_spec(self, table: SourceTable) -> dg.AssetSpec:
        return self._change(super().get_asset_spec(table), table)


def translator_of(given: TableTranslator | Translate | None) -> TableTranslator:
    """What ``build_definitions`` was given, as a translator.

    Raises:
        ConfigError: it is something else.
    """
    if given is None:
        return TableTranslator()
    if isinstance(given, TableTranslator):
        return given
    if callable(given) and not isinstance(given, type):
        return _Function(given)
    raise ConfigError(
        f"translator is {given!r}; nothing was started. Allowed: an instance of TableTranslator, "
        "or a function (spec, table) that returns the spec."
    )


def translated(
    translator: TableTranslator, connection: Connection, tables: Iterable[Table]
) -> dict[Key, dg.AssetSpec]:
    """The asset of every table, without what is known of it.

    Raises:
        ConfigError: the translator failed, or gave something else; the message names the tables.
    """
    specs: dict[Key, dg.AssetSpec] = {}
    problems: list[str] = []
    cause: Exception | None = None
    for table in tables:
        try:
            spec = translator.get_asset_spec(SourceTable(connection, table.row, table.columns))
        except Exception as error:  # noqa: BLE001 - it is other people's code
            cause = cause or error
            problems.append(f"{path_of(table.key)}: {type(error).__name__}: {error}")
            continue
        if isinstance(spec, dg.AssetSpec):
            specs[table.key] = spec
        else:
            told = f"{path_of(table.key)}: it gave {type(spec).__name__}, not a dagster.AssetSpec"
            problems.append(told)
    if problems:
        raise _refused(f"The translator of tables of {connection.name} failed", problems) from cause
    return specs


def keys_of(specs: Mapping[Key, dg.AssetSpec]) -> dict[Key, dg.AssetKey]:
    """Table -> the key of its asset."""
    return {key: spec.key for key, spec in specs.items()}


def doubled_keys(
    own: Iterable[dg.AssetKey], shown: Mapping[str, Mapping[Key, dg.AssetSpec]]
) -> dict[str, dict[Key, str]]:
    """By connection and table, the tables whose asset key is another one's, and whose.

    Whoever may create a table may bring one about, where keys have few parts: it must not keep
    the code location from loading.

    Args:
        own: keys of the connections' own assets.
        shown: the tables' assets by connection; of two tables the first one keeps its key.
    """
    taken = {key: f"the asset {key.to_user_string()} of this program" for key in own}
    doubled: dict[str, dict[Key, str]] = {}
    for connection, specs in shown.items():
        for key, spec in specs.items():
            told = f"{path_of(key)} of {connection}"
            if spec.key in taken:
                problem = f"{told} has {spec.key.to_user_string()}, as has {taken[spec.key]}"
                doubled.setdefault(connection, {})[key] = problem
            taken.setdefault(spec.key, told)
    return doubled


def _refused(what: str, problems: Sequence[str]) -> ConfigError:
    more = len(problems) - MOST_TOLD
    told = [*problems[:MOST_TOLD], *([f"and {more:,} more"] if more > 0 else [])]
    return ConfigError(
        "\n  ".join([f"{what}; nothing was started.", *told])
        + "\nMend the translator, or `lineage` of the connection (key_prefix, key_parts)."
    )


def _group_of(table: SourceTable, lineage: Lineage) -> str:
    names = {
        "connection": [],
        "database": [table.database],
        "schema": [table.database, table.schema],
    }[lineage.group_by]
    return "__".join([f"{table.connection.name}_tables", *map(_in_a_group, names)])


def _in_a_group(name: str) -> str:
    """``name`` for a group; where it cannot stay as it is, a hash keeps it apart from others."""
    if PLAIN.fullmatch(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return "_".join(filter(None, [NOT_IN_A_GROUP.sub("_", name).strip("_"), digest]))
