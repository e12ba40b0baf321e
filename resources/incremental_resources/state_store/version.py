"""One immutable version of a connection's state, read and verified. staging.py writes one."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import polars as pl

from incremental_resources.errors import ResourceError
from incremental_resources.state_store.errors import ObjectMissing, StateCorrupt, StateTooNew
from incremental_resources.state_store.head import VersionRef
from incremental_resources.state_store.manifest import FileEntry, Manifest
from incremental_resources.state_store.objects import Digest, ObjectStore

MANIFEST = "manifest.json"
SUMMARY = "diff/summary"


class Version:
    """A version's figures and files; every file is verified before it is first read.

    Made by ``StateStore`` (current, version, find, ancestors) and ``StagedVersion.finish``.
    """

    def __init__(
        self, objects: ObjectStore, connection: str, ref: VersionRef, manifest: Manifest
    ) -> None:
        self.ref = ref
        self.manifest = manifest
        self._objects = objects
        self._connection = connection
        self._verified: set[str] = set()

    def __repr__(self) -> str:
        return f"<Version {self.number} of {self._connection}>"

    @property
    def number(self) -> int:
        return self.manifest.version

    @property
    def folder(self) -> str:
        """Its directory below the connection."""
        return self.ref.manifest.rpartition("/")[0]

    @property
    def entities(self) -> tuple[str, ...]:
        """The entities it has files of, diffs aside, in the order of the manifest."""
        names = (entry.entity for entry in self.manifest.files)
        return tuple(dict.fromkeys(name for name in names if not name.startswith("diff/")))

    def has(self, entity: str) -> bool:
        """Whether there is a file of this entity (``diff/tables`` for a diff)."""
        return any(entry.entity == entity for entry in self.manifest.files)

    def files(self, entity: str) -> tuple[FileEntry, ...]:
        """The entity's files in the order of their rows. Raises ObjectMissing."""
        found = tuple(entry for entry in self.manifest.files if entry.entity == entity)
        if not found:
            raise ObjectMissing(
                f"Version {self.number} of {self._connection} has no {entity}; "
                f"it has {', '.join(self.entities)}."
            )
        return found

    def rows(self, entity: str) -> int:
        """The number of rows as the manifest records it."""
        return sum(entry.rows for entry in self.files(entity))

    def scan(self, entity: str) -> pl.LazyFrame:
        """The entity's rows. Raises StateCorrupt, ObjectMissing (no such entity)."""
        parts = [self._objects.scan(self.stored_path(entry)) for entry in self.files(entity)]
        return parts[0] if len(parts) == 1 else pl.concat(parts)

    def diff(self, entity: str) -> pl.DataFrame:
        """What changed of the entity since the parent.

        Raises ObjectMissing for a version without a parent: its diff is derived from its state.
        """
        return self.scan(f"diff/{entity}").collect()

    def summary(self) -> dict[str, Any]:
        """The diff's counts, as stored in ``diff/summary.json``."""
        (entry,) = self.files(SUMMARY)
        content: dict[str, Any] = json.loads(self._objects.read(self.stored_path(entry)).data)
        return content

    def verify(self) -> None:
        """Compare every file with the manifest. Raises StateCorrupt."""
        for entry in self.manifest.files:
            self._verify(entry)

    def disagreements(self) -> list[str]:
        """One sentence for every file that is not what the manifest says."""
        faults = ((entry, self._fault(entry)) for entry in self.manifest.files)
        return [f"{self._path(entry)} {fault}" for entry, fault in faults if fault]

    def parent(self) -> "Version | None":
        """The version it was made from; None if it is the first, or retention removed it."""
        if self.manifest.parent is None:
            return None
        try:
            return open_version(self._objects, self._connection, self.manifest.parent)
        except ObjectMissing:
            return None
        except StateCorrupt as error:
            folder = self.manifest.parent.manifest.rpartition("/")[0]
            raise StateCorrupt(
                f"{error} Without one, remove {self._connection}/{folder}: history then begins "
                f"with version {self.number}."
            ) from error

    def ancestors(self) -> Iterator["Version"]:
        """Its parent, that one's parent and so on."""
        version = self.parent()
        while version is not None:
            yield version
            version = version.parent()

    def stored_path(self, entry: FileEntry) -> str:
        """The store's path of a file whose content was compared with the manifest."""
        if entry.path not in self._verified:
            self._verify(entry)
        return self._path(entry)

    def _path(self, entry: FileEntry) -> str:
        return f"{self._connection}/{self.folder}/{entry.path}"

    def _verify(self, entry: FileEntry) -> None:
        fault = self._fault(entry)
        if fault is not None:
            raise StateCorrupt(f"{self._path(entry)} {fault}. {self._remedy()}")

    def _fault(self, entry: FileEntry) -> str | None:
        self._verified.discard(entry.path)
        try:
            found = self._objects.digest(self._path(entry))
        except ObjectMissing:
            return f"is missing, but version {self.number} consists of it"
        if found != Digest(bytes=entry.bytes, sha256=entry.sha256):
            return (
                f"is not what version {self.number} was committed with: {found.bytes} bytes of "
                f"sha256 {found.sha256}, not {entry.bytes} bytes of {entry.sha256}"
            )
        self._verified.add(entry.path)
        return None

    def _remedy(self) -> str:
        try:
            good = next((one for one in self.ancestors() if not one.disagreements()), None)
        except ResourceError as error:
            return f"Restore it from a backup (the last good version is not known: {error})"
        if good is None:
            return "Restore it from a backup: no earlier version is whole."
        return (
            f"The last good version is {good.number} ({good.ref.manifest}). "
            f"Restore the file from a backup. If version {self.number} is the current one, this "
            f"goes back: incremental-assets rollback {self._connection} {good.number}"
        )


def open_version(objects: ObjectStore, connection: str, ref: VersionRef) -> Version:
    """Read a version's manifest. Raises ObjectMissing, StateCorrupt, StateTooNew."""
    path = f"{connection}/{ref.manifest}"
    data = objects.read(path).data
    found = hashlib.sha256(data).hexdigest()
    manifest = Manifest.from_bytes(data, path)
    if found != ref.sha256 or manifest.version != ref.version:
        raise StateCorrupt(
            f"{path} is not the manifest that version {ref.version} was committed with "
            f"(version {manifest.version}, sha256 {found}, not {ref.sha256}). "
            "Restore it from a backup."
        )
    return Version(objects, connection, ref, manifest)


def newest_whole(objects: ObjectStore, connection: str, besides: str = "") -> Version | None:
    """The complete version with the highest number, reached by HEAD or not.

    ``besides`` is a manifest that is known to be damaged.
    """
    versions = stored_versions(objects, connection, besides)
    return next((version for version in versions if not version.disagreements()), None)


def stored_versions(objects: ObjectStore, connection: str, besides: str = "") -> Iterator[Version]:
    """Every version whose manifest can be read, reached by HEAD or not, newest first."""
    paths = set(objects.list(f"{connection}/versions")) - {f"{connection}/{besides}"}
    paths = {path for path in paths if path.endswith(f"/{MANIFEST}")}
    for path in sorted(paths, reverse=True):
        data = objects.read(path).data
        try:
            manifest = Manifest.from_bytes(data, path)
        except (StateCorrupt, StateTooNew):
            continue
        ref = VersionRef(
            version=manifest.version,
            manifest=path.removeprefix(f"{connection}/"),
            sha256=hashlib.sha256(data).hexdigest(),
        )
        yield Version(objects, connection, ref, manifest)
