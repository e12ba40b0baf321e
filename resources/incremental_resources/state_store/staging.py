"""A version in the making: files first, the manifest last. It counts only once HEAD reaches it."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from incremental_resources.state_store.documents import FORMAT, dump_json
from incremental_resources.state_store.errors import ObjectMissing
from incremental_resources.state_store.extraction import Extraction
from incremental_resources.state_store.head import VersionRef
from incremental_resources.state_store.manifest import FileEntry, Manifest
from incremental_resources.state_store.objects import Digest, ObjectStore
from incremental_resources.state_store.parquet import Frame, part_names, store_frame
from incremental_resources.state_store.version import MANIFEST, SUMMARY, Version

PARTED = "columns"


class StagedVersion:
    """Collects the files of a new version in a directory of its own; made by ``StateStore``."""

    def __init__(
        self,
        objects: ObjectStore,
        connection: str,
        *,
        folder: str,
        number: int,
        extraction: Extraction | str,
        parent: Version | None,
    ) -> None:
        self.folder = folder
        self.number = number
        self._objects = objects
        self._connection = connection
        self._extraction = extraction
        self._parent = parent
        self._files: list[FileEntry] = []

    def write(self, entity: str, frame: Frame) -> list[FileEntry]:
        """Store the entity's rows (``diff/tables`` for a diff)."""
        entries = store_frame(
            self._objects, self._path(), entity, frame, lambda count: _paths(entity, count)
        )
        self._files += entries
        return entries

    def adopt_from_parent(self, entity: str) -> list[FileEntry]:
        """Take over the parent version's files. Raises ObjectMissing, StateCorrupt."""
        if self._parent is None:
            raise ObjectMissing(f"{self._path()} has no parent to take {entity} from.")
        return self.adopt_from(self._parent, entity)

    def adopt_from(self, version: Version, entity: str) -> list[FileEntry]:
        """Take over another version's files. Raises ObjectMissing, StateCorrupt."""
        return self._adopt(entity, version, version.files(entity))

    def adopt_from_extraction(self, entity: str, name: str | None = None) -> list[FileEntry]:
        """Take over working files of the extraction (default: of the entity's name).

        Raises ObjectMissing.
        """
        if isinstance(self._extraction, str):
            raise ObjectMissing(f"{self._path()} is made without working files: no {entity}.")
        return self._adopt(entity, self._extraction, self._extraction.files(name or entity))

    def write_summary(self, summary: dict[str, Any]) -> FileEntry:
        """Store the diff's counts as ``diff/summary.json``."""
        return self._create(f"{SUMMARY}.json", SUMMARY, dump_json(summary, indent=2))

    def finish(
        self,
        *,
        created_at: datetime,
        marker: datetime,
        probe: str | None,
        dialect: str,
        scope: dict[str, Any],
        changes: dict[str, dict[str, int]],
        source: dict[str, Any] | None = None,
        rolled_back_to: Version | None = None,
        replaces: VersionRef | None = None,
    ) -> Version:
        """Write the manifest. The version is whole now, and invisible until HEAD moves to it.

        Files that were taken over from ``rolled_back_to`` keep its format.
        """
        extraction = self._extraction
        manifest = Manifest(
            format=rolled_back_to.manifest.format if rolled_back_to else FORMAT,
            version=self.number,
            parent=None if self._parent is None else self._parent.ref,
            created_at=created_at,
            marker=marker,
            probe=probe,
            extraction=extraction if isinstance(extraction, str) else extraction.id,
            dialect=dialect,
            scope=scope,
            counts=self._counts(),
            changes=changes,
            source=source,
            rolled_back_to=rolled_back_to.ref if rolled_back_to else None,
            replaces=replaces,
            files=tuple(self._files),
        )
        data = manifest.to_bytes(indent=2)
        self._objects.create(self._path(MANIFEST), data)
        ref = VersionRef(
            version=self.number,
            manifest=f"{self.folder}/{MANIFEST}",
            sha256=hashlib.sha256(data).hexdigest(),
        )
        return Version(self._objects, self._connection, ref, manifest)

    def _counts(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for entry in self._files:
            if not entry.entity.startswith("diff/"):
                counts[entry.entity] = counts.get(entry.entity, 0) + entry.rows
        return counts

    def _create(self, path: str, entity: str, data: bytes) -> FileEntry:
        self._objects.create(self._path(path), data)
        digest = Digest(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
        entry = FileEntry(path=path, entity=entity, rows=0, **vars(digest))
        self._files.append(entry)
        return entry

    def _adopt(
        self, entity: str, source: Version | Extraction, files: Sequence[FileEntry]
    ) -> list[FileEntry]:
        """The bytes are not written again."""
        entries = []
        for path, entry in zip(_paths(entity, len(files)), files, strict=True):
            self._objects.copy(source.stored_path(entry), self._path(path))
            entries.append(entry.model_copy(update={"path": path, "entity": entity}))
        self._files += entries
        return entries

    def _path(self, *path: str) -> str:
        return "/".join((self._connection, self.folder, *path))


def _paths(entity: str, count: int) -> list[str]:
    if entity == PARTED or count > 1:
        return [f"{entity}/{part}" for part in part_names(count)]
    return [f"{entity}.parquet"]
