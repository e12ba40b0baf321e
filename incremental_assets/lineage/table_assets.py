"""The tables of a connection's current state as external assets, when definitions load.

Reading the state belongs here. However that ends, the code location loads: without a state there
are no table assets, and where it cannot be read the log says why.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg
import polars as pl

from incremental_assets.config.connection import Connection
from incremental_assets.config.errors import ConfigError
from incremental_assets.config.options import Lineage
from incremental_assets.core.entities import COLUMNS, TABLES
from incremental_assets.core.lineage import Key, Table, shown, table_facts
from incremental_assets.core.scope import Scope
from incremental_assets.lineage.specs import NOTHING_READ, with_facts
from incremental_assets.lineage.translating import TableTranslator, keys_of, translated
from incremental_assets.steps.stored import scan_of
from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.store import StateStore
from incremental_resources.state_store.version import Version

MOST_TOLD = 10
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TableAssets:
    """The assets of a connection's tables; ``not_shown``: what is left out and why, for people."""

    specs: Mapping[Key, dg.AssetSpec] = field(default_factory=dict)
    not_shown: str | None = None


def without(tables: TableAssets, doubled: Mapping[Key, str]) -> TableAssets:
    """The same without the tables whose key is another asset's; the log names them."""
    if not doubled:
        return tables
    problems = [*doubled.values()]
    more = f"; and {len(problems) - MOST_TOLD:,} more" if len(problems) > MOST_TOLD else ""
    told = f"{'; '.join(problems[:MOST_TOLD])}{more}. Mend the translator, or key_prefix, key_parts"
    LOG.warning("Tables are not shown, as their asset keys are taken: %s.", told)
    kept = {key: spec for key, spec in tables.specs.items() if key not in doubled}
    return TableAssets(kept, f"{told}.")


def table_assets(
    connection: Connection, objects: Callable[[], ObjectStore], translator: TableTranslator
) -> TableAssets:
    """All tables that ``lineage`` admits, or none of them.

    Raises:
        ConfigError: the translator cannot be used.
    """
    if connection.lineage is None:
        return TableAssets()
    try:
        version = StateStore(objects(), connection.name).current()
        return _of_version(connection, version, translator) if version else TableAssets()
    except ConfigError:
        raise
    except Exception as error:
        # Whatever it is, the refresh that would fix it has to load.
        reason = f"The state could not be read: {type(error).__name__}: {error}"
        LOG.warning("No tables of %s are shown. %s", connection.name, reason)
        LOG.debug("No tables of %s are shown.", connection.name, exc_info=True)
        return TableAssets(not_shown=reason)


def shown_tables(lineage: Lineage, tables: pl.DataFrame) -> pl.DataFrame:
    """The rows of the tables that are assets: those admitted, or none if they are too many."""
    admitted = _admitted(lineage, tables)
    return admitted if admitted.height <= lineage.limit else admitted.clear()


def _admitted(lineage: Lineage, tables: pl.DataFrame) -> pl.DataFrame:
    return shown(tables, Scope(include=dict(lineage.include)))


def _of_version(
    connection: Connection, version: Version, translator: TableTranslator
) -> TableAssets:
    lineage = connection.lineage or Lineage()
    admitted = _admitted(lineage, scan_of(version, TABLES).collect())
    if admitted.height > lineage.limit:
        reason = (
            f"`lineage` admits {admitted.height:,} tables, more than its limit of "
            f"{lineage.limit:,}. Narrow `include`, or raise `limit`."
        )
        LOG.warning("No tables of %s are shown. %s", connection.name, reason)
        return TableAssets(not_shown=reason)
    tables = facts_of(version, admitted)
    specs = translated(translator, connection, tables)
    return TableAssets(_with_facts(connection, version, tables, specs))


def facts_of(version: Version, tables: pl.DataFrame) -> list[Table]:
    """The given tables of a version, with their columns where the version has any."""
    columns = scan_of(version, COLUMNS) if version.has(COLUMNS.name) else None
    return table_facts(tables, columns)


def _with_facts(
    connection: Connection,
    version: Version,
    tables: Sequence[Table],
    specs: Mapping[Key, dg.AssetSpec],
) -> dict[Key, dg.AssetSpec]:
    # It imports sqlglot, which takes time that only those pay who want lineage.
    from incremental_assets.core.sql_budget import StepBudget
    from incremental_assets.core.views import ViewReader

    dialect, budget = connection.dialect(), StepBudget()
    readers = {
        database: ViewReader(
            dialect.sqlglot_dialect, known, dialect.definitions_name_schemas, budget
        )
        for database, known in _by_database(tables).items()
    }
    keys = keys_of(specs)
    return {
        table.key: with_facts(
            specs[table.key],
            version,
            table,
            readers[table.key[0]].read(table.row["definition"], table.place)
            if table.is_view
            else NOTHING_READ,
            keys,
        )
        for table in tables
    }


def _by_database(tables: Sequence[Table]) -> Mapping[str, dict[tuple[str, str], Sequence[str]]]:
    found: dict[str, dict[tuple[str, str], Sequence[str]]] = {}
    for table in tables:
        found.setdefault(table.key[0], {})[table.place] = table.column_names
    return found
