"""The working files of one extraction: each created once; a step that finds its file uses it.

Which extraction a run belongs to, and what the files mean, is decided by the assets.
"""

import re
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from incremental_resources.state_store.documents import FORMAT, dump_json, load_json
from incremental_resources.state_store.errors import (
    ExtractionMissing,
    ObjectExists,
    ObjectMissing,
    StateConflict,
    StateCorrupt,
    SwapRefused,
)
from incremental_resources.state_store.head import HeadRef
from incremental_resources.state_store.manifest import FileEntry
from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.parquet import Frame, measure, part_names, store_frame

RECORD = "extraction.json"
REFUSED = "refused"
PARTS = ".parts.json"
FINISHED = re.compile(r"(?!.*/[0-9a-f]{8}/part-\d{5}\.parquet)(.+)(?:\.parquet|\.parts\.json)")

State = Literal["open", "committed", "abandoned"]


@dataclass(frozen=True)
class FileStats:
    """What a working file holds."""

    rows: int
    bytes: int


class Extraction:
    """One attempt to refresh a connection; made by ``StateStore``.

    ``record`` is what ``extraction.json`` held when it was read: id, connection, state, base and
    whatever it was opened with.
    """

    def __init__(self, objects: ObjectStore, connection: str, id: str, record: dict[str, Any]):
        self.id = id
        self.record = record
        self._objects = objects
        self._folder = extraction_folder(connection, id)

    def __repr__(self) -> str:
        return f"<Extraction {self.id} ({self.state})>"

    @property
    def state(self) -> State:
        """open, committed or abandoned, as of the last reading."""
        state: State = self.record["state"]
        return state

    @property
    def base(self) -> HeadRef | None:
        """HEAD as it was when the extraction was opened; None if there was none."""
        base = self.record["base"]
        return None if base is None else HeadRef.model_validate(base)

    @property
    def age(self) -> tuple[str, str]:
        """Orders extractions, the oldest first: an id tells the second it began, no more."""
        return (self.record.get("opened_at", ""), self.id)

    def write(self, name: str, frame: Frame) -> FileStats:
        """Store the rows of one name; if they are there already, those are kept and described."""
        if not self.exists(name):
            # The same step may be running twice: then the first one's file counts.
            with suppress(ObjectExists):
                self._store(name, frame)
        entries = self.files(name)
        return FileStats(
            rows=sum(entry.rows for entry in entries), bytes=sum(entry.bytes for entry in entries)
        )

    def exists(self, name: str) -> bool:
        """Whether ``write`` has finished this name."""
        return any(self._objects.exists(self._path(name + end)) for end in (".parquet", PARTS))

    def names(self, folder: str = "") -> list[str]:
        """The names that ``write`` has finished below ``folder``, sorted."""
        start = f"{self._folder}/"
        below = self._objects.list(self._path(folder) if folder else self._folder)
        found = (FINISHED.fullmatch(path.removeprefix(start)) for path in below)
        return sorted(match[1] for match in found if match)

    def files(self, name: str) -> list[FileEntry]:
        """The name's files in the order of their rows. Raises ObjectMissing."""
        if self._objects.exists(self._path(f"{name}.parquet")):
            return [measure(self._objects, self._folder, f"{name}.parquet", name)]
        return [FileEntry.model_validate(entry) for entry in self._load_json(name + PARTS)]

    def read(self, name: str) -> pl.LazyFrame:
        """The rows of one name. Raises ObjectMissing."""
        if not self._objects.exists(self._path(name + PARTS)):
            return self._objects.scan(self._path(f"{name}.parquet"))
        return pl.concat([self._objects.scan(self.stored_path(one)) for one in self.files(name)])

    def write_json(self, name: str, content: Any) -> Any:
        """Store ``<name>.json`` once; what is stored now, which may be an earlier content."""
        return self._create_json(_json_path(name), content)

    def read_json(self, name: str) -> Any:
        """Raises ObjectMissing."""
        return self._load_json(_json_path(name))

    def exists_json(self, name: str) -> bool:
        """Whether ``write_json`` has stored this name."""
        return self._objects.exists(self._path(_json_path(name)))

    def close(self, state: Literal["committed", "abandoned"]) -> State:
        """Record how it ended and return what is recorded: committed is final."""
        path = self._path(RECORD)
        for _ in range(10):
            stored = self._objects.read(path)
            self.record = _loaded_record(stored.data, path)
            if self.state in ("committed", state):
                return self.state
            closed = {**self.record, "state": state}
            try:
                self._objects.swap(path, dump_json(closed, indent=2), stored.tag)
            except SwapRefused:
                continue
            self.record = closed
            return state
        raise StateConflict(f"{path} keeps changing while it is being closed; run this again.")

    def stored_path(self, entry: FileEntry) -> str:
        """The store's path of a file."""
        return self._path(entry.path)

    def _path(self, path: str) -> str:
        return f"{self._folder}/{path}"

    def _store(self, name: str, frame: Frame) -> None:
        """One file; or parts in a folder of this attempt, which count once they are listed."""

        def paths(count: int) -> list[str]:
            if count == 1:
                return [f"{name}.parquet"]
            folder = f"{name}/{uuid.uuid4().hex[:8]}"
            return [f"{folder}/{part}" for part in part_names(count)]

        entries = store_frame(self._objects, self._folder, name, frame, paths)
        if len(entries) > 1:
            self._create_json(name + PARTS, [entry.model_dump() for entry in entries])

    def _create_json(self, path: str, content: Any) -> Any:
        with suppress(ObjectExists):
            self._objects.create(self._path(path), dump_json(content, indent=2))
        return self._load_json(path)

    def _load_json(self, path: str) -> Any:
        stored = self._objects.read(self._path(path))
        return load_json(stored.data, self._path(path))


def open_extraction(
    objects: ObjectStore, connection: str, id: str, record: Mapping[str, Any]
) -> Extraction:
    """Create ``extraction.json``. Raises ObjectExists, unless it holds the very same record."""
    if "base" not in record:
        raise ValueError("the record of an extraction says on which HEAD it is based")
    path = f"{extraction_folder(connection, id)}/{RECORD}"
    whole = {"format": FORMAT, "id": id, "connection": connection, "state": "open", **record}
    data = dump_json(whole, indent=2)
    try:
        objects.create(path, data)
    except ObjectExists:
        if objects.read(path).data != data:
            raise
    return Extraction(objects, connection, id, load_json(data, path))


def read_extraction(objects: ObjectStore, connection: str, id: str) -> Extraction:
    """Raises ExtractionMissing, StateCorrupt, StateTooNew."""
    path = f"{extraction_folder(connection, id)}/{RECORD}"
    try:
        stored = objects.read(path)
    except ObjectMissing as error:
        raise ExtractionMissing(
            f"There is no extraction {id} of {connection}: it was never opened, or removed since. "
            f"Run {connection}_refresh."
        ) from error
    return Extraction(objects, connection, id, _loaded_record(stored.data, path))


def extraction_folder(connection: str, id: str) -> str:
    """Where an extraction's files are."""
    return f"{connection}/extractions/{id}"


def _loaded_record(data: bytes, path: str) -> dict[str, Any]:
    record = load_json(data, path)
    if not isinstance(record, dict) or not {"id", "state", "base"} <= record.keys():
        raise StateCorrupt(f"{path} is no record of an extraction. Remove its directory.")
    return record


def _json_path(name: str) -> str:
    path = f"{name}.json"
    if path == RECORD or path.endswith(PARTS):
        raise ValueError(f"{name!r} is a name that the extraction keeps for itself")
    return path
