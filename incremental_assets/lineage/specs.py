"""How one table of a source is shown as an asset: its key, what the UI reads, its events.

Which tables are shown is decided in lineage; what views read, in the core.
"""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from incremental_assets.config.connection import Connection
from incremental_assets.core.asset_keys import key_part
from incremental_assets.core.diff_lines import cells_of, line_of, reference_paths
from incremental_assets.core.diff_view import incidental
from incremental_assets.core.entities import ENTITIES
from incremental_assets.core.history import Entry
from incremental_assets.core.impact import Impact
from incremental_assets.core.lineage import Key, Reads, Table
from incremental_assets.core.names import path_of
from incremental_assets.naming import CONNECTION_TAG
from incremental_assets.steps.metadata import ROWS, code_of, inert, table_of
from incremental_resources.state_store.version import Version

LONGEST_COMMENT = 2_000
LONGEST_DEFINITION = 5_000
CONSTRAINTS = {
    "primary key": "is_primary_key",
    "identity": "is_identity",
    "generated": "is_generated",
}
NOTHING_READ = Reads()


def table_key(connection: Connection, key: Key) -> dg.AssetKey:
    """[connection, database, schema, table], each so written that it is never ambiguous."""
    return dg.AssetKey([connection.name, *map(key_part, key)])


def group_of(connection: Connection) -> str:
    """The group of a connection's tables."""
    return f"{connection.name}_tables"


def table_spec(
    connection: Connection, version: Version, table: Table, reads: Reads
) -> dg.AssetSpec:
    """The external asset that a table is."""
    database = table.key[0]
    upstream = [table_key(connection, (database, *place)) for place in reads.tables]
    return dg.AssetSpec(
        table_key(connection, table.key),
        deps=upstream,
        group_name=group_of(connection),
        description=inert(table.row["comment"] or "", LONGEST_COMMENT) or None,
        owners=list(connection.owners),
        kinds={connection.dialect().name, "view" if table.is_view else "table"},
        tags={CONNECTION_TAG: connection.name},
        metadata=described(table, version) | _read_by(connection, database, table, reads),
    )


def described(table: Table, version: Version) -> dict[str, Any]:
    """What is known of a table, as metadata: schema, rows and their age, name, kind, text."""
    row = table.row
    metadata: dict[str, Any] = {"dagster/table_name": ".".join(table.key), "kind": row["kind"]}
    if table.columns:
        metadata["dagster/column_schema"] = _column_schema(table.columns)
    if row["row_count"] is not None:
        metadata[ROWS] = row["row_count"]
        metadata["rows as of"] = dg.MetadataValue.timestamp(version.manifest.marker)
    if row["owner"] is not None:
        metadata["owner"] = row["owner"]
    if row["comment"] is not None:
        metadata["comment"] = dg.MetadataValue.text(row["comment"])
    if row["definition"]:
        metadata["definition"] = code_of(row["definition"], LONGEST_DEFINITION)
    return metadata


def first_seen(connection: Connection, table: Table, version: Version) -> dg.AssetMaterialization:
    """The event of a table in a version that nothing is compared with."""
    return _event(connection, table, version, f"As it is in version {version.number}.", {})


def changed(
    connection: Connection,
    table: Table,
    history: Sequence[Entry],
    version: Version,
    impact: Impact,
) -> dg.AssetMaterialization:
    """The event of a table that changed in a version; ``history`` is newest first."""
    latest = [entry for entry in history if entry.version == version.number]
    words = "; ".join(_in_words(entry) for entry in latest)
    metadata: dict[str, Any] = {
        "changes": table_of(_changes(history)),
        "all changes": f"incremental-assets log {connection.name} "
        f"{shlex.quote(path_of(table.key))}",
    }
    read_by = {
        column[3]: ", ".join(path_of(view[1:]) for view in views)
        for column, views in impact.items()
        if column[:3] == table.key
    }
    if read_by:
        metadata["changed columns are read by"] = table_of(
            pl.DataFrame({"column": list(read_by), "views": list(read_by.values())})
        )
    return _event(connection, table, version, words, metadata)


def _event(
    connection: Connection, table: Table, version: Version, words: str, more: Mapping[str, Any]
) -> dg.AssetMaterialization:
    # A materialization, because the Columns box of the UI reads no other event.
    return dg.AssetMaterialization(
        asset_key=table_key(connection, table.key),
        description=inert(words, LONGEST_COMMENT),
        metadata={**more, **described(table, version), "version": version.number},
        tags={CONNECTION_TAG: connection.name},
    )


def _in_words(entry: Entry) -> str:
    change, _, what = line_of(ENTITIES[entry.entity], entry.row)
    return " ".join(filter(None, (change, entry.column, what)))


def _changes(history: Sequence[Entry]) -> pl.DataFrame:
    """The latest changes on top, without what a server or this program keeps for itself."""
    telling = [entry for entry in history if not incidental(entry.entity, entry.row)]
    lines = [
        (entry.version, change, entry.column or "", *rest)
        for entry in telling or history
        for change, *rest in [cells_of(ENTITIES[entry.entity], entry.row)]
    ]
    headings = ["version", "change", "column", "attribute", "before", "after"]
    return pl.DataFrame(lines, schema=headings, orient="row")


def _column_schema(columns: Sequence[Mapping[str, Any]]) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column["column"],
                type=column["data_type"] or "",
                # The UI takes it for Markdown, unlike names and types.
                description=inert(column["comment"] or "", LONGEST_COMMENT) or None,
                constraints=dg.TableColumnConstraints(
                    nullable=column["nullable"] is not False,
                    other=_constraints(column),
                ),
            )
            for column in columns
        ]
    )


def _constraints(column: Mapping[str, Any]) -> list[str]:
    told = [told for told, name in CONSTRAINTS.items() if column[name]]
    targets = [inert(path) for path in reference_paths(column["references"])]
    if column["is_foreign_key"]:
        told.append(f"foreign key to {', '.join(targets)}" if targets else "foreign key")
    return told


def _read_by(connection: Connection, database: str, table: Table, reads: Reads) -> dict[str, Any]:
    """What a view reads, column by column, and what of it could not be told."""
    metadata: dict[str, Any] = {}
    if reads.columns:
        metadata["dagster/column_lineage"] = dg.TableColumnLineage(
            {
                column: [
                    dg.TableColumnDep(table_key(connection, (database, schema, name)), source)
                    for schema, name, source in sources
                ]
                for column, sources in reads.columns.items()
            }
        )
        # Dagster's own UI shows the lineage of columns to nobody.
        metadata["columns come from"] = _sources_of(reads)
    if reads.unknown:
        metadata["also reads"] = list(reads.unknown)
    if reads.problem:
        metadata["definition not read"] = reads.problem
    if reads.untraced:
        metadata["columns not traced"] = reads.untraced
    return metadata


def _sources_of(reads: Reads) -> dg.MarkdownMetadataValue:
    sources = {column: ", ".join(map(".".join, found)) for column, found in reads.columns.items()}
    return table_of(pl.DataFrame({"column": list(sources), "comes from": list(sources.values())}))
