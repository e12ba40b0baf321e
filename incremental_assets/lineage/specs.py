"""How one table of a source is shown as an asset: what the UI reads, its events.

Keys, groups and what users make of them are in ``translating``; which tables are shown is decided
in ``table_assets``; what views read, in the core.
"""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from incremental_assets.config.connection import Connection
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


def with_facts(
    spec: dg.AssetSpec,
    version: Version,
    table: Table,
    reads: Reads,
    keys: Mapping[Key, dg.AssetKey],
) -> dg.AssetSpec:
    """The asset with what is known of the table, and with what it reads.

    ``keys`` are those of all tables that are shown; what a user's translator says stays.
    """
    database = table.key[0]
    there = {dep.asset_key for dep in spec.deps}
    upstream = [keys[database, *place] for place in reads.tables]
    known = described(table, version) | _read_by(keys, database, reads)
    return spec.replace_attributes(
        deps=[*spec.deps, *(key for key in upstream if key not in there)],
        metadata=known | dict(spec.metadata),
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


def first_seen(
    connection: Connection, key: dg.AssetKey, table: Table, version: Version
) -> dg.AssetMaterialization:
    """The event of a table in a version that nothing is compared with."""
    return _event(connection, key, table, version, f"As it is in version {version.number}.", {})


def changed(
    connection: Connection,
    key: dg.AssetKey,
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
    return _event(connection, key, table, version, words, metadata)


def _event(
    connection: Connection,
    key: dg.AssetKey,
    table: Table,
    version: Version,
    words: str,
    more: Mapping[str, Any],
) -> dg.AssetMaterialization:
    # A materialization, because the Columns box of the UI reads no other event.
    return dg.AssetMaterialization(
        asset_key=key,
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


def _read_by(keys: Mapping[Key, dg.AssetKey], database: str, reads: Reads) -> dict[str, Any]:
    """What a view reads, column by column, and what of it could not be told."""
    metadata: dict[str, Any] = {}
    if reads.columns:
        metadata["dagster/column_lineage"] = dg.TableColumnLineage(
            {
                column: [
                    dg.TableColumnDep(keys[database, schema, name], source)
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
