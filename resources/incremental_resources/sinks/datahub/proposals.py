"""Rows of the state as DataHub's metadata change proposals: one for each aspect of an entity.

The aspects are those of its metadata model (``schemaMetadata``, ``containerProperties`` and so on).
Where proposals go is in ``kind``.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

import polars as pl

from incremental_resources.sinks.batches import in_batches
from incremental_resources.sinks.datahub.types import abstract_type
from incremental_resources.sinks.datahub.urns import Namer
from incremental_resources.sinks.delivery import Delivery

KEY = ("database", "schema", "table")
Key = tuple[str, str, str]
VIEWS = ("VIEW", "MATERIALIZED VIEW")
SUBTYPES = {"VIEW": "View", "MATERIALIZED VIEW": "Materialized View"}
# What of the state is in which aspect.
MAPPING = (
    ("databases, schemas", "container: containerProperties, subTypes, container, status"),
    ("tables: key", "dataset urn, datasetProperties.name, qualifiedName, customProperties"),
    ("tables: kind", "subTypes"),
    ("tables: comment", "datasetProperties.description"),
    ("tables: owner, native_id", "datasetProperties.customProperties"),
    ("tables: definition of a view", "viewProperties.viewLogic, materialized"),
    ("what a view reads", "upstreamLineage.upstreams, fineGrainedLineages"),
    ("columns: column", "schemaMetadata.fields[].fieldPath"),
    ("columns: data_type", "schemaMetadata.fields[].nativeDataType, type"),
    ("columns: nullable, comment", "schemaMetadata.fields[].nullable, description"),
    ("columns: is_primary_key", "schemaMetadata.fields[].isPartOfKey, primaryKeys"),
    ("columns: references", "schemaMetadata.foreignKeys"),
    ("DELETED, OUT_OF_SCOPE", "status.removed"),
    ("RENAMED", "a new urn; the old one status.removed, customProperties.renamed_to"),
)


def proposals_of(
    delivery: Delivery, namer: Namer, *, lineage: bool = True
) -> Iterator[dict[str, Any]]:
    """The proposals of a version: containers, datasets, what views read, then what is gone; keys
    in order.

    Each replaces what its urn and aspect had before. ``lineage``: whether to tell what views read.
    """
    yield from _containers(delivery, namer)
    were_views = _may_have_been_views(delivery)
    for table, columns in _datasets(delivery):
        yield from _dataset(namer, table, columns)
        key = (table["database"], table["schema"], table["table"])
        if key in were_views and table["kind"] not in VIEWS:
            empty = {"materialized": False, "viewLogic": "", "viewLanguage": "SQL"}
            yield _proposal(namer.dataset(*key), "viewProperties", empty)
            if lineage:
                yield _proposal(namer.dataset(*key), "upstreamLineage", {"upstreams": []})
    if lineage:
        yield from _lineage(delivery, namer)
    yield from _gone(delivery, namer)


def _containers(delivery: Delivery, namer: Namer) -> Iterator[dict[str, Any]]:
    for name, kind in (("databases", "Database"), ("schemas", "Schema")):
        names = ("database", "schema")[: 1 if name == "databases" else 2]
        if not namer.levels(names):
            continue
        for row in delivery.upserts[name].sort(names).collect().iter_rows(named=True):
            parts = [row[one] for one in names]
            urn = namer.container(parts)
            key = dict(zip(names, parts, strict=True))
            properties: dict[str, Any] = {
                "customProperties": {**_facts(row, "owner"), "platform": namer.platform, **key},
                "name": parts[-1],
                "qualifiedName": ".".join(namer.levels(parts)),
                "env": namer.env,
            }
            if row["comment"] is not None:
                properties["description"] = row["comment"]
            yield _proposal(urn, "containerProperties", properties)
            yield _proposal(urn, "dataPlatformInstance", _platform(namer))
            is_top = len(namer.levels(parts)) == 1
            yield _proposal(urn, "subTypes", {"typeNames": ["Database" if is_top else kind]})
            if not is_top:
                yield _proposal(urn, "container", {"container": namer.container(parts[:1])})
            yield _proposal(urn, "status", {"removed": False})


def _datasets(delivery: Delivery) -> Iterator[tuple[Mapping[str, Any], list[dict[str, Any]]]]:
    """Every table of which anything differs, with its columns; some tables at a time."""
    for batch in in_batches(delivery.datasets.sort(KEY)):
        columns = (
            delivery.state["columns"]
            .join(batch.select(KEY).lazy(), on=KEY, how="semi")
            .sort(*KEY, "ordinal", "column")
            .collect()
        )
        found = {
            key: list(rows)
            for key, rows in groupby(
                columns.iter_rows(named=True),
                key=lambda row: (row["database"], row["schema"], row["table"]),
            )
        }
        for row in batch.iter_rows(named=True):
            yield row, found.get((row["database"], row["schema"], row["table"]), [])


def _dataset(
    namer: Namer, table: Mapping[str, Any], columns: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    key = (table["database"], table["schema"], table["table"])
    urn, kind = namer.dataset(*key), table["kind"] or "TABLE"
    properties = {
        "customProperties": _facts(table, *KEY, "kind", "owner", "native_id"),
        "name": table["table"],
        "qualifiedName": ".".join(namer.levels(key)),
        "tags": [],
    }
    if table["comment"] is not None:
        properties["description"] = table["comment"]
    yield _proposal(urn, "datasetProperties", properties)
    yield _proposal(urn, "schemaMetadata", _schema(namer, urn, table, columns))
    if kind in VIEWS:
        view = {
            "materialized": kind == "MATERIALIZED VIEW",
            "viewLogic": table["definition"] or "",
            "viewLanguage": "SQL",
        }
        yield _proposal(urn, "viewProperties", view)
    yield _proposal(urn, "subTypes", {"typeNames": [SUBTYPES.get(kind, "Table")]})
    yield _proposal(urn, "container", {"container": namer.container(key[:2])})
    yield _proposal(urn, "dataPlatformInstance", _platform(namer))
    yield _proposal(urn, "status", {"removed": False})


def _schema(
    namer: Namer, urn: str, table: Mapping[str, Any], columns: list[dict[str, Any]]
) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "schemaName": ".".join(namer.levels([table[name] for name in KEY])),
        "platform": namer.platform_urn,
        "version": 0,
        "hash": "",
        "platformSchema": {"com.linkedin.schema.OtherSchema": {"rawSchema": ""}},
        "fields": [_field(column) for column in columns],
    }
    if keys := [column["column"] for column in columns if column["is_primary_key"]]:
        schema["primaryKeys"] = keys
    if foreign := list(_foreign_keys(namer, urn, columns)):
        schema["foreignKeys"] = foreign
    return schema


def _field(column: Mapping[str, Any]) -> dict[str, Any]:
    field: dict[str, Any] = {
        "fieldPath": column["column"],
        "nullable": column["nullable"] is not False,
        "type": {"type": {f"com.linkedin.schema.{abstract_type(column['data_type'])}": {}}},
        "nativeDataType": column["data_type"] or "",
        "recursive": False,
        "isPartOfKey": bool(column["is_primary_key"]),
    }
    if column["comment"] is not None:
        field["description"] = column["comment"]
    return field


def _foreign_keys(
    namer: Namer, urn: str, columns: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """One for every column and target: which columns make one key together is not in the state."""
    for column in columns:
        for database, schema, table, target in json.loads(column["references"] or "[]"):
            dataset = namer.dataset(database, schema, table)
            yield {
                "name": f"{column['column']} -> {table}.{target}",
                "foreignFields": [namer.field(dataset, target)],
                "sourceFields": [namer.field(urn, column["column"])],
                "foreignDataset": dataset,
            }


def _lineage(delivery: Delivery, namer: Namer) -> Iterator[dict[str, Any]]:
    """What each view reads that differs or may read something else now, if it is nothing too."""
    changed = delivery.datasets.filter(pl.col("kind").is_in(VIEWS)).select(KEY)
    views = pl.concat([changed, delivery.affected_views.select(KEY)]).unique().sort(KEY)
    for batch in views.collect_batches(chunk_size=5000, maintain_order=True):
        of_view = {
            key: list(rows)
            for key, rows in groupby(delivery.lineage(batch).iter_rows(), key=lambda row: row[:3])
        }
        for database, schema, table in batch.iter_rows():
            key = (database, schema, table)
            aspect = _reads(namer, key, of_view.get(key, []))
            yield _proposal(namer.dataset(*key), "upstreamLineage", aspect)


def _reads(namer: Namer, view: Key, rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    own = namer.dataset(*view)
    tables: list[str] = []
    columns: dict[str, list[str]] = {}
    for _, _, _, column, schema, table, source in rows:
        dataset = namer.dataset(view[0], schema, table)
        if column is None:
            tables.append(dataset)
        else:
            columns.setdefault(column, []).append(namer.field(dataset, source))
    aspect: dict[str, Any] = {
        "upstreams": [{"dataset": dataset, "type": "VIEW"} for dataset in tables]
    }
    if columns:
        aspect["fineGrainedLineages"] = [
            {
                "upstreamType": "FIELD_SET",
                "upstreams": sources,
                "downstreamType": "FIELD",
                "downstreams": [namer.field(own, column)],
                "confidenceScore": 1.0,
            }
            for column, sources in columns.items()
        ]
    return aspect


def _gone(delivery: Delivery, namer: Namer) -> Iterator[dict[str, Any]]:
    for row in delivery.removals["tables"].collect().iter_rows(named=True):
        urn = namer.dataset(*(row[name] for name in KEY))
        if row["change"] == "RENAMED":
            successor = namer.dataset(*(row[f"new_{name}"] for name in KEY))
            facts = _facts(row, *KEY) | {"renamed_to": successor}
            content = {"customProperties": facts, "name": row["table"], "tags": []}
            yield _proposal(urn, "datasetProperties", content)
        yield _proposal(urn, "status", {"removed": True})
    for name, names in (("schemas", KEY[:2]), ("databases", KEY[:1])):
        if not namer.levels(names):
            continue
        for row in delivery.removals[name].collect().iter_rows(named=True):
            urn = namer.container([row[one] for one in names])
            yield _proposal(urn, "status", {"removed": True})


def _may_have_been_views(delivery: Delivery) -> set[Key]:
    """The names that another object has now, or one of another kind: aspects stay otherwise."""
    rows = delivery.changes["tables"]
    of_kind = rows.filter(pl.col("attribute") == "kind").select(KEY)
    left = rows.filter(pl.col("change").is_in(["DELETED", "OUT_OF_SCOPE", "RENAMED"])).select(
        pl.coalesce(f"previous_{name}", name).alias(name) for name in KEY
    )
    return {(row[0], row[1], row[2]) for row in pl.concat([of_kind, left]).collect().rows()}


def _facts(row: Mapping[str, Any], *names: str) -> dict[str, str]:
    return {name: str(row[name]) for name in names if row[name] is not None}


def _platform(namer: Namer) -> dict[str, Any]:
    instance = {"instance": namer.instance_urn} if namer.instance else {}
    return {"platform": namer.platform_urn, **instance}


def _proposal(urn: str, name: str, aspect: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "entityType": urn.split(":")[2],
        "entityUrn": urn,
        "changeType": "UPSERT",
        "aspectName": name,
        "aspect": {"json": aspect},
    }
