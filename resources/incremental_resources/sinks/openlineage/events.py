"""Rows of the state as OpenLineage's dataset events, and in which order a version's events come.

The schemas are those of https://openlineage.io/spec: DatasetEvent 2-0-2, SchemaDatasetFacet 1-2-0,
LifecycleStateChangeDatasetFacet 1-0-1, DocumentationDatasetFacet 1-1-0, DatasetTypeDatasetFacet
1-0-1, OwnershipDatasetFacet 1-0-1, ColumnLineageDatasetFacet 1-2-0. Sending them is in ``kind``.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import polars as pl

from incremental_resources.sinks.batches import in_batches
from incremental_resources.sinks.delivery import Delivery
from incremental_resources.sinks.levels import ONE_LEVEL

SPEC = "https://openlineage.io/spec"
EVENT = f"{SPEC}/2-0-2/OpenLineage.json#/$defs/DatasetEvent"
PRODUCER = "urn:incremental-assets"
KEY = ("database", "schema", "table")
Key = tuple[str, str, str]
Word = tuple[str, Key | None]
OF_TABLES = {"CREATED": "CREATE", "BACKFILL": "CREATE", "RENAMED": "OVERWRITE"}
VIEWS = ("VIEW", "MATERIALIZED VIEW")
# What of the state is where in an event.
MAPPING = (
    (
        "tables: key",
        "dataset.name (database.schema.table; schema.table of MySQL, MariaDB, ClickHouse)",
    ),
    ("tables: kind", "datasetType.datasetType, subType"),
    ("tables: comment", "documentation.description"),
    ("tables: owner", "ownership.owners[0].name"),
    ("columns: column", "schema.fields[].name"),
    ("columns: data_type", "schema.fields[].type"),
    ("columns: comment", "schema.fields[].description"),
    ("columns: ordinal", "schema.fields[].ordinal_position"),
    ("columns that a view's columns come from", "columnLineage.fields[].inputFields"),
    ("CREATED, BACKFILL", "lifecycleStateChange CREATE"),
    ("UPDATED, of a column too", "lifecycleStateChange ALTER"),
    ("RENAMED", "lifecycleStateChange RENAME with previousIdentifier"),
    ("two that swapped names", "lifecycleStateChange OVERWRITE, each"),
    ("DELETED, OUT_OF_SCOPE", "lifecycleStateChange DROP"),
)


@dataclass(frozen=True)
class Home:
    """Where datasets are named: the namespace, and whether schemas are what it calls databases."""

    namespace: str
    is_one_level: bool

    def dataset(self, key: Key) -> dict[str, str]:
        """Namespace and name of a dataset."""
        name = dataset_name(key[1:] if self.is_one_level else key)
        return {"namespace": self.namespace, "name": name}


def events_of(
    delivery: Delivery, namespace: str, *, lineage: bool = True
) -> Iterator[dict[str, Any]]:
    """The events of a version: what is gone, what was renamed, the others; keys in order.

    Taken one after the other they lead from what was there to the state: a dataset is what its last
    event says, DROP takes it away, RENAME its previous identifier. ``lineage``: whether to tell
    which columns those of views come from.
    """
    home = Home(namespace, delivery.dialect in ONE_LEVEL)
    time = delivery.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    dropped, renamed = _gone(delivery)
    for key in dropped:
        yield _event(time, home, key, {"lifecycleStateChange": _change("DROP")})
    # Of what a sink had, and gets whole once more, nothing is created.
    repeated = delivery.begins_anew and delivery.previous is not None
    words = {} if repeated else _words(delivery, renamed)
    first = pl.DataFrame([new for new, _ in renamed], dict.fromkeys(KEY, pl.String), orient="row")
    moved = dict(
        _facets_of(
            delivery,
            delivery.datasets.join(first.lazy(), on=KEY, how="semi"),
            home,
            lineage=lineage,
        )
    )
    for new, _old in renamed:
        yield _event(time, home, new, moved[new] | _told(words, new, home))
    tables = (
        pl.concat([delivery.datasets, delivery.affected_views]) if lineage else delivery.datasets
    )
    others = tables.unique(KEY).join(first.lazy(), on=KEY, how="anti")
    for key, facets in _facets_of(delivery, others, home, lineage=lineage):
        yield _event(time, home, key, facets | _told(words, key, home))


def _told(words: Mapping[Key, Word], key: Key, home: Home) -> dict[str, Any]:
    """The facet of what happened to a dataset; none where nothing did, in a snapshot say."""
    if key not in words:
        return {}
    word, previous = words[key]
    return {"lifecycleStateChange": _change(word, home, previous)}


def dataset_name(key: Iterable[str]) -> str:
    """The name of a dataset; a part that could be taken for another name is in quotes, as JSON."""
    return ".".join(
        part if _is_plain(part) else json.dumps(part, ensure_ascii=False) for part in key
    )


def _is_plain(part: str) -> bool:
    return (
        part != "" and part.isprintable() and not set(part) & set('."\\') and part == part.strip()
    )


def _gone(delivery: Delivery) -> tuple[list[Key], list[tuple[Key, Key]]]:
    """Keys that are dropped, and renames (new, old) in an order in which each old name is still the
    renamed one's when its turn comes."""
    removals = delivery.removals["tables"].collect()
    dropped = removals.filter(pl.col("change") != "RENAMED").select(KEY).rows()
    changes = delivery.changes["tables"].filter(pl.col("change") == "RENAMED").collect()
    moves = {
        tuple(row[:3]): tuple(row[3:])
        for row in changes.select(*KEY, *(f"previous_{name}" for name in KEY)).rows()
    }
    ordered: list[tuple[Key, Key]] = []
    while True:
        held = set(moves.values())
        free = sorted(new for new in moves if new not in held)
        if not free:
            # What is left swapped names among themselves.
            return dropped, ordered
        ordered += [(new, moves.pop(new)) for new in free]


def _words(delivery: Delivery, renamed: list[tuple[Key, Key]]) -> dict[Key, Word]:
    """What happened to which dataset, and which name it had before if that is free now."""
    words: dict[Key, Word] = {}
    for name, own in (("columns", {}), ("tables", OF_TABLES)):
        rows = delivery.changes[name].select(*KEY, "change").unique().collect().rows()
        for database, schema, table, change in sorted(rows):
            key = (database, schema, table)
            # An object may be renamed and updated: the rename says more.
            if change in own or key not in words:
                words[key] = (own.get(change, "ALTER"), None)
    return words | {new: ("RENAME", old) for new, old in renamed}


def _change(word: str, home: Home | None = None, previous: Key | None = None) -> dict[str, Any]:
    facet = _facet("LifecycleStateChangeDatasetFacet", "1-0-1", lifecycleStateChange=word)
    if home and previous:
        facet["previousIdentifier"] = home.dataset(previous)
    return facet


def _facets_of(
    delivery: Delivery, tables: pl.LazyFrame, home: Home, *, lineage: bool
) -> Iterator[tuple[Key, dict[str, Any]]]:
    """Key and facets of these tables in the order of their keys, some of them at a time.

    ``lineage``: whether views tell which columns theirs come from.
    """
    for batch in in_batches(tables.sort(KEY)):
        wanted = batch.select(KEY).lazy()
        columns = (
            delivery.state["columns"]
            .join(wanted, on=KEY, how="semi")
            .select(*KEY, "column", "ordinal", "data_type", "comment")
            .sort(*KEY, "ordinal", "column")
            .collect()
        )
        fields = {
            key: [_field(*row[3:]) for row in rows]
            for key, rows in groupby(columns.iter_rows(), key=lambda row: (row[0], row[1], row[2]))
        }
        sources = _lineage(delivery.lineage(batch), home) if lineage else {}
        for row in batch.iter_rows(named=True):
            key = (row["database"], row["schema"], row["table"])
            yield key, _facets(row, fields.get(key, [])) | sources.get(key, {})


def _lineage(reads: pl.DataFrame, home: Home) -> dict[Key, dict[str, Any]]:
    """The facet of each view of whose columns it is known where they come from."""
    found: dict[Key, dict[str, Any]] = {}
    for database, *view, column, schema, table, source in reads.iter_rows():
        if column is not None:
            fields = found.setdefault((database, *view), {}).setdefault(column, [])
            fields.append({**home.dataset((database, schema, table)), "field": source})
    return {key: {"columnLineage": _column_lineage(fields)} for key, fields in found.items()}


def _column_lineage(fields: Mapping[str, list[dict[str, str]]]) -> dict[str, Any]:
    told = {column: {"inputFields": sources} for column, sources in fields.items()}
    return _facet("ColumnLineageDatasetFacet", "1-2-0", fields=told)


def _field(name: str, ordinal: int | None, kind: str | None, comment: str | None) -> dict[str, Any]:
    field = {"name": name, "type": kind, "description": comment, "ordinal_position": ordinal}
    return {key: value for key, value in field.items() if value is not None}


def _facets(table: Mapping[str, Any], fields: list[dict[str, Any]]) -> dict[str, Any]:
    kind = table["kind"] or "TABLE"
    of_type = {"datasetType": "VIEW" if kind in VIEWS else "TABLE"}
    if kind not in ("TABLE", "VIEW"):
        of_type["subType"] = kind
    facets = {
        "schema": _facet("SchemaDatasetFacet", "1-2-0", fields=fields),
        "datasetType": _facet("DatasetTypeDatasetFacet", "1-0-1", **of_type),
    }
    if table["comment"] is not None:
        facets["documentation"] = _facet(
            "DocumentationDatasetFacet", "1-1-0", description=table["comment"]
        )
    if table["owner"] is not None:
        owners = [{"name": table["owner"]}]
        facets["ownership"] = _facet("OwnershipDatasetFacet", "1-0-1", owners=owners)
    return facets


def _facet(name: str, version: str, **content: Any) -> dict[str, Any]:
    schema = f"{SPEC}/facets/{version}/{name}.json#/$defs/{name}"
    return {"_producer": PRODUCER, "_schemaURL": schema, **content}


def _event(time: str, home: Home, key: Key, facets: Mapping[str, Any]) -> dict[str, Any]:
    dataset = {**home.dataset(key), "facets": facets}
    return {"eventTime": time, "producer": PRODUCER, "schemaURL": EVENT, "dataset": dataset}
