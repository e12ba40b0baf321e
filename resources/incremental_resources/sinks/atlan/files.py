"""Entities as files in the reference's layout. What is in them is in ``entities``.

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
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from incremental_resources.sinks.atlan.changes import changed, removed
from incremental_resources.sinks.atlan.entities import entities_of
from incremental_resources.sinks.atlan.names import FOLDERS, Connected
from incremental_resources.sinks.delivery import Delivery
from incremental_resources.sinks.places import put, put_file
from incremental_resources.state_store.objects import ObjectStore

PIECE = 1 << 20


def write_version(delivery: Delivery, connected: Connected, objects: ObjectStore) -> int:
    """Write the diff, then replace the current state, then the marker; the entities of the diff.

    Raises as the store does.
    """
    files = _Files(objects, connected)
    run = f"{delivery.version:08}-{delivery.identity[:16]}"
    root = delivery.connection
    counts = files.write_diff(delivery, f"{root}/runs/{run}/incremental-diff")
    files.write_state(delivery, f"{root}/current-state", run)
    marker = delivery.marker.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    put(objects, f"{root}/marker.txt", marker.encode())
    return sum(counts.values())


class _Files:
    def __init__(self, objects: ObjectStore, connected: Connected) -> None:
        self._objects = objects
        self._connected = connected

    def write_diff(self, delivery: Delivery, folder: str) -> dict[str, int]:
        """What changed, and ``metadata.json`` last; how many lines in which folder."""
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

    def write_state(self, delivery: Delivery, folder: str, run: str) -> None:
        """The whole version, then ``metadata.json``; then what that named before goes."""
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


def lines_of(frame: pl.LazyFrame) -> Iterator[dict[str, Any]]:
    """Rows as what JSON lines say, some at a time."""
    for batch in frame.collect_batches(chunk_size=5000, maintain_order=True):
        for line in batch.write_ndjson().splitlines():
            yield json.loads(line)


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


def _json(facts: Mapping[str, Any]) -> bytes:
    return json.dumps(facts, ensure_ascii=False, indent=2).encode() + b"\n"
