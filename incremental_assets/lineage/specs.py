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
from incremental_assets.core.lineage import Key, Line, Reads, Table
from incremental_assets.core.names import path_of
from incremental_assets.naming import CONNECTION_TAG
from incremental_assets.steps.metadata import ROWS, inert, table_of

LONGEST_COMMENT = 2_000
CONSTRAINTS = {
    "primary key": "is_primary_key",
    "foreign key": "is_foreign_key",
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


def table_spec(connection: Connection, table: Table, reads: Reads) -> dg.AssetSpec:
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
        metadata=described(table) | _read_by(connection, database, table, reads),
    )


def described(table: Table) -> dict[str, Any]:
    """What is known of a table, as metadata: schema, rows, name, kind, owner."""
    row = table.row
    metadata: dict[str, Any] = {"dagster/table_name": ".".join(table.key), "kind": row["kind"]}
    if table.columns:
        metadata["dagster/column_schema"] = _column_schema(table.columns)
    if row["row_count"] is not None:
        metadata[ROWS] = row["row_count"]
    if row["owner"] is not None:
        metadata["owner"] = row["owner"]
    if row["comment"] is not None:
        metadata["comment"] = dg.MetadataValue.text(row["comment"])
    return metadata


def changed(
    connection: Connection, table: Table, changes: Sequence[Line], version: int
) -> dg.AssetMaterialization:
    """The event of a table that changed in a version.

    A materialization, because the Columns box of the UI reads no other event.
    """
    lines = pl.DataFrame(list(changes), schema=["change", "column", "what"], orient="row")
    words = "; ".join(" ".join(filter(None, line)) for line in changes)
    path = path_of(table.key)
    return dg.AssetMaterialization(
        asset_key=table_key(connection, table.key),
        description=inert(words, LONGEST_COMMENT),
        metadata={
            **described(table),
            "changes": table_of(lines),
            "all changes": f"incremental-assets log {connection.name} {shlex.quote(path)}",
            "version": version,
        },
        tags={CONNECTION_TAG: connection.name},
    )


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
                    other=[told for told, name in CONSTRAINTS.items() if column[name]],
                ),
            )
            for column in columns
        ]
    )


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
