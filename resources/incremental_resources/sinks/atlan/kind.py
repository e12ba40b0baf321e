"""The kind `atlan`: its options, and its files in the reference's layout. What is in them is in
``entities``.

Below ``<path>/<connection>``::

    runs/<version>-<identity>/incremental-diff/<entity>/part-0.json    what changed, a line each
    runs/<version>-<identity>/incremental-diff/delete/<entity>/part-0.json
    runs/<version>-<identity>/incremental-diff/metadata.json           counts; written last
    current-state/<entity>/<version>-<identity>.json                   the whole version
    current-state/metadata.json                                        names those files
    marker.txt                                                         the version's marker

A reader who follows ``current-state/metadata.json`` never sees half of a version: the files that it
names are whole before it is replaced, and those that it named before are removed after that.
"""

import json
import tempfile
import uuid
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
from pydantic import Field

from incremental_resources.sinks.atlan.entities import changed, entities_of, removed
from incremental_resources.sinks.atlan.names import FOLDERS, Connected
from incremental_resources.sinks.delivery import Delivery
from incremental_resources.sinks.kinds import Place, SinkKind
from incremental_resources.sinks.places import (
    PlaceOptions,
    open_place,
    put,
    put_file,
    told_as_of_a_sink,
)

CONNECTORS = {"postgresql": "postgres"}
# A number of ten digits, as the seconds in the names of Atlan's own connections are.
FIRST_EPOCH = 1_000_000_000
PIECE = 1 << 20


class AtlanOptions(PlaceOptions):
    """Options of Atlan."""

    connector: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9-]+$",
        description="The product as Atlan names it; without it the dialect's.",
        json_schema_extra={"allowed": "small letters, digits, hyphens"},
    )
    connection_qualified_name: str | None = Field(
        default=None,
        pattern=r"^default/[a-z0-9-]+/[0-9]+$",
        description="Of the connection in Atlan; without it one that is made of the name.",
        json_schema_extra={"allowed": "default/connector/seconds"},
    )


class AtlanSink:
    """Writes every version in the reference's layout."""

    def __init__(self, options: AtlanOptions, place: Place) -> None:
        self.name = place.name
        self._objects = open_place(options)
        self._connected = connected_of(options, place)

    def publish(self, delivery: Delivery) -> Mapping[str, Any]:
        """Write the diff, then replace the current state, then the marker."""
        run = f"{delivery.version:08}-{delivery.identity[:16]}"
        root = delivery.connection
        with told_as_of_a_sink():
            counts = self._write_diff(delivery, f"{root}/runs/{run}/incremental-diff")
            self._write_state(delivery, f"{root}/current-state", run)
            marker = delivery.marker.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            put(self._objects, f"{root}/marker.txt", marker.encode())
        return {"entities": sum(counts.values())}

    def _write_diff(self, delivery: Delivery, folder: str) -> dict[str, int]:
        counts = {}
        for entity, name in FOLDERS.items():
            rows = changed(delivery, entity)
            frames = entities_of(delivery, entity, self._connected, rows)
            counts[name] = self._put(f"{folder}/{name}/part-0.json", frames)
            gone = [removed(delivery, entity, self._connected)]
            counts[f"delete/{name}"] = self._put(f"{folder}/delete/{name}/part-0.json", gone)
        facts = {
            "is_incremental": not delivery.is_snapshot,
            "version": delivery.version,
            "identity": delivery.identity,
            "previous": delivery.previous,
            "counts": counts,
            "changes": delivery.summary,
            "total_changed_entities": sum(counts.values()),
            "total_files": sum(1 for count in counts.values() if count),
        }
        put(self._objects, f"{folder}/metadata.json", _json(facts))
        return counts

    def _write_state(self, delivery: Delivery, folder: str, run: str) -> None:
        counts = {}
        for entity, name in FOLDERS.items():
            frames = entities_of(delivery, entity, self._connected, delivery.state[entity])
            counts[name] = self._put(f"{folder}/{name}/{run}.json", frames)
        files = {name: f"{name}/{run}.json" for name, count in counts.items() if count}
        facts = {"version": delivery.version, "identity": delivery.identity}
        facts |= {"files": files, "counts": counts}
        put(self._objects, f"{folder}/metadata.json", _json(facts))
        stay = {f"{folder}/{path}" for path in (*files.values(), "metadata.json")}
        for path in self._objects.list(folder):
            if path not in stay:
                self._objects.delete(path)

    def _put(self, path: str, frames: Iterable[pl.LazyFrame]) -> int:
        """Write frames as lines in one file; how many lines. No file where there are none."""
        local = self._objects.scratch() / f"{uuid.uuid4().hex}.json"
        try:
            with local.open("wb") as file:
                lines = write_lines(frames, file, local.with_suffix(".part"))
            if lines:
                put_file(self._objects, path, local)
            else:
                self._objects.delete(path)
        finally:
            local.unlink(missing_ok=True)
        return lines


def connected_of(options: AtlanOptions, place: Place) -> Connected:
    """The connection as Atlan knows it."""
    connector = options.connector or CONNECTORS.get(place.dialect, place.dialect)
    epoch = FIRST_EPOCH + zlib.crc32(place.connection.encode()) % FIRST_EPOCH
    made = f"default/{connector}/{epoch}"
    return Connected(place.connection, connector, options.connection_qualified_name or made)


def write_lines(frames: Iterable[pl.LazyFrame], stream: BinaryIO, scratch: Path) -> int:
    """Write frames as lines of JSON; how many. ``scratch`` is a file that nobody else has."""
    count = 0
    try:
        for frame in frames:
            frame.sink_ndjson(scratch)
            count += _copied(scratch, stream)
    finally:
        scratch.unlink(missing_ok=True)
    return count


def _copied(source: Path, stream: BinaryIO) -> int:
    """Append a file to a stream; the number of its lines."""
    lines = 0
    with source.open("rb") as written:
        while piece := written.read(PIECE):
            stream.write(piece)
            lines += piece.count(b"\n")
    return lines


def write_snapshot(
    delivery: Delivery, options: AtlanOptions, place: Place, stream: BinaryIO
) -> None:
    """The files of the current state one after the other: databases, schemas, tables, columns,
    procedures."""
    connected = connected_of(options, place)
    with tempfile.TemporaryDirectory(prefix="incremental-assets-") as folder:
        for entity in FOLDERS:
            frames = entities_of(delivery, entity, connected, delivery.state[entity])
            write_lines(frames, stream, Path(folder) / "part")


def _json(facts: Mapping[str, Any]) -> bytes:
    return json.dumps(facts, ensure_ascii=False, indent=2).encode() + b"\n"


KIND = SinkKind(
    name="atlan",
    title="Atlan's entities as JSON lines, in the reference's layout",
    options=AtlanOptions,
    make=AtlanSink,
    write_snapshot=write_snapshot,
)
