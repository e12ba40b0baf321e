"""What somebody has who keeps what a sink wrote: plain readers of each format, none of ours."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

Kept = dict[Any, Any]
Objects = dict[str, dict[tuple[str, ...], dict[str, Any]]]
# What a diff does not tell by itself.
STATISTICS = ("rowCount", "sizeBytes")
BOOKKEEPING = ("row_count", "size_bytes", "altered_at", "token")


def openlineage(files: Iterable[Path]) -> Kept:
    """Dataset -> facets: the last event counts."""
    kept: Kept = {}
    for file in files:
        for line in file.read_text().splitlines():
            _take_event(kept, json.loads(line))
    return kept


def _take_event(kept: Kept, event: Mapping[str, Any]) -> None:
    dataset = event["dataset"]
    facets = dict(dataset["facets"])
    change = facets.pop("lifecycleStateChange", {"lifecycleStateChange": None})
    name = (dataset["namespace"], dataset["name"])
    if change["lifecycleStateChange"] == "DROP":
        del kept[name]
        return
    if change["lifecycleStateChange"] == "RENAME":
        before = change["previousIdentifier"]
        del kept[before["namespace"], before["name"]]
    if change["lifecycleStateChange"] == "CREATE":
        assert name not in kept
    kept[name] = facets


def datahub(files: Iterable[Path]) -> Kept:
    """urn -> aspect -> content: what is removed is gone."""
    kept: Kept = {}
    for file in files:
        for proposal in json.loads(file.read_text()):
            content = proposal["aspect"]["json"]
            aspects = kept.setdefault(proposal["entityUrn"], {})
            aspects[proposal["aspectName"]] = content
            if content == {"removed": True}:
                del kept[proposal["entityUrn"]]
            if content.get("viewLogic") == "" and not content["materialized"]:
                del aspects["viewProperties"]
            if content.get("upstreams") == []:
                del aspects["upstreamLineage"]
    return kept


def atlan(files: Iterable[Path]) -> Kept:
    """Type and qualified name -> entity."""
    kept: Kept = {}
    for file in files:
        for line in file.read_text().splitlines():
            entity = json.loads(line)
            if entity["status"] == "DELETED":
                del kept[entity["typeName"], entity["qualifiedName"]]
                continue
            for name in STATISTICS:
                entity["attributes"].pop(name, None)
            kept[entity["typeName"], entity["attributes"]["qualifiedName"]] = entity
    return kept


def parquet(pattern: str) -> Objects:
    """Entity -> key -> attributes, read by DuckDB and put together in plain Python."""
    rows = duckdb.sql(f"select * from read_parquet('{pattern}') where entity is not null")
    names = [column[0] for column in rows.description]
    told = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
    objects: Objects = {entity: {} for entity in KEYS}
    for version in sorted({row["version"] for row in told}):
        of_version = [row for row in told if row["version"] == version]
        if of_version[0]["whole"]:
            objects = {entity: {} for entity in KEYS}
        moved = {
            _key(row, "tables", "previous_"): _key(row, "tables")
            for row in of_version
            if row["entity"] == "tables" and row["change"] == "RENAMED"
        }
        for entity in KEYS:
            rows_of = [row for row in of_version if row["entity"] == entity]
            objects[entity] = _next(objects[entity], entity, rows_of, moved)
    return objects


KEYS = {
    "databases": ("database",),
    "schemas": ("database", "schema"),
    "tables": ("database", "schema", "table"),
    "columns": ("database", "schema", "table", "column"),
    "procedures": ("database", "schema", "procedure", "kind", "signature"),
}


def _next(
    before: dict[tuple[str, ...], dict[str, Any]],
    entity: str,
    rows: list[dict[str, Any]],
    moved: Mapping[tuple[str, ...], tuple[str, ...]],
) -> dict[tuple[str, ...], dict[str, Any]]:
    gone = {
        _key(row, entity, "previous_")
        for row in rows
        if row["change"] in ("DELETED", "OUT_OF_SCOPE")
    }
    new_name = {
        _key(row, entity, "previous_"): _key(row, entity)
        for row in rows
        if row["change"] == "RENAMED"
    }

    def place(key: tuple[str, ...]) -> tuple[str, ...]:
        if key in new_name:
            return new_name[key]
        of_table = (*moved.get(key[:3], key[:3]), *key[3:])
        return of_table if entity == "columns" else key

    after = {place(key): dict(value) for key, value in before.items() if key not in gone}
    for row in rows:
        if row["change"] in ("CREATED", "BACKFILL"):
            after[_key(row, entity)] = _without_bookkeeping(json.loads(row["after"]))
        if row["change"] == "UPDATED":
            after[_key(row, entity)][row["attribute"]] = json.loads(row["after"])
    return after


def _without_bookkeeping(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name not in BOOKKEEPING}


def _key(row: Mapping[str, Any], entity: str, prefix: str = "") -> tuple[str, ...]:
    names = KEYS[entity]
    if prefix and row[f"{prefix}{names[-1]}"] is None:
        prefix = ""
    return tuple(row[f"{prefix}{name}"] for name in names)
