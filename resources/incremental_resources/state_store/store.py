"""The state of one connection: HEAD, the versions it reaches, extractions, commit, retention.

How objects are stored is an ObjectStore's matter; how HEAD moves is in commit.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from incremental_resources.errors import ResourceError
from incremental_resources.state_store import commit, retention
from incremental_resources.state_store.errors import (
    ObjectMissing,
    StateCorrupt,
    VersionMissing,
)
from incremental_resources.state_store.evidence import committed_folder
from incremental_resources.state_store.extraction import (
    Extraction,
    open_extraction,
    read_extraction,
)
from incremental_resources.state_store.head import Head, HeadRef, VersionRef
from incremental_resources.state_store.objects import ObjectStore, checked
from incremental_resources.state_store.staging import StagedVersion
from incremental_resources.state_store.version import Version, newest_whole, open_version


class StateStore:
    """What is kept of a connection below ``<store>/<connection>``.

    A storage error is always an error: only HEAD's own absence means that there is no state.
    """

    def __init__(self, objects: ObjectStore, connection: str) -> None:
        self.objects = objects
        self.connection = checked(connection)

    @property
    def uri(self) -> str:
        """Where the state is, for people."""
        return f"{self.objects.uri}/{self.connection}"

    def check(self) -> None:
        """Prove that the store can be written and honours conditions. Raises StoreUnavailable."""
        self.objects.check()

    def head(self) -> HeadRef | None:
        """HEAD and its tag; None only if there is no HEAD object and never was one.

        Raises:
            StateCorrupt: HEAD is damaged, or it is missing although a version was committed.
        """
        ref = self._stored_head()
        lost = committed_folder(self.objects, self.connection) if ref is None else None
        if lost is None:
            return ref
        # Somebody may have committed the first version between the two looks.
        ref = self._stored_head()
        if ref is None:
            raise StateCorrupt(
                f"{self._path('HEAD')} is missing, but {lost} was committed. Restore HEAD from a "
                f"backup, or remove {self.uri} to begin anew. {self._newest_whole()}"
            )
        return ref

    def _stored_head(self) -> HeadRef | None:
        try:
            stored = self.objects.read(self._path("HEAD"))
        except ObjectMissing:
            return None
        try:
            head = Head.from_bytes(stored.data, self._path("HEAD"))
        except StateCorrupt as error:
            raise StateCorrupt(f"{error} {self._newest_whole(can_go_back=False)}") from error
        return HeadRef(head=head, tag=stored.tag)

    def current(self) -> Version | None:
        """The version HEAD stands at; None only if there is no HEAD object."""
        ref = self.head()
        while ref is not None:
            try:
                return self.version(ref.head.ref)
            except ObjectMissing as error:
                # Retention may have removed it if HEAD has moved on since it was read.
                now = self.head()
                if now == ref:
                    raise StateCorrupt(
                        f"HEAD of {self.connection} names {ref.head.manifest}, which is missing. "
                        f"Restore it from a backup. {self._newest_whole()}"
                    ) from error
                ref = now
        return None

    def version(self, ref: VersionRef) -> Version:
        """The version that ``ref`` names. Raises ObjectMissing, StateCorrupt, StateTooNew."""
        try:
            return open_version(self.objects, self.connection, ref)
        except StateCorrupt as error:
            raise StateCorrupt(f"{error} {self._newest_whole(ref.manifest)}") from error

    def ancestors(self, version: Version) -> Iterator[Version]:
        """The version's parent, that one's parent and so on, as far as they are kept."""
        return version.ancestors()

    def history(self) -> Iterator[Version]:
        """The current version and its ancestors; nothing if there is no state."""
        version = self.current()
        if version is not None:
            yield version
            yield from version.ancestors()

    def find(self, number: int) -> Version:
        """The version of that number which HEAD reaches. Raises VersionMissing."""
        numbers = []
        for version in self.history():
            if version.number == number:
                return version
            numbers.append(version.number)
        there = ", ".join(str(one) for one in sorted(numbers)) or "none yet: refresh it first"
        raise VersionMissing(f"{self.connection} has no version {number}. There is: {there}.")

    def open_extraction(self, id: str, record: Mapping[str, Any]) -> Extraction:
        """Create an extraction; ``record`` is kept beside its id, connection and state.

        ``record["base"]`` must be HEAD as it was read when the extraction began:
        ``HeadRef.model_dump(mode="json")``, or None. Raises ObjectExists.
        """
        return open_extraction(self.objects, self.connection, id, record)

    def extraction(self, id: str) -> Extraction:
        """Raises ExtractionMissing."""
        return read_extraction(self.objects, self.connection, id)

    def extractions(self) -> list[Extraction]:
        """All extractions whose record can be read, oldest first."""
        folders = retention.children(self.objects, self._path("extractions"))
        return retention.recorded(self.objects, self.connection, folders)

    def stage_version(
        self, extraction: Extraction | str, *, parent: Version | None, number: int | None = None
    ) -> StagedVersion:
        """Begin a version (default number: the parent's + 1) in a directory that holds nothing.

        ``extraction`` is only an id where there are no working files.
        """
        if number is None:
            number = 1 if parent is None else parent.number + 1
        used = retention.children(self.objects, self._path("versions"))
        name = extraction if isinstance(extraction, str) else extraction.id
        attempts = (f"{number:08}-{name}-{attempt}" for attempt in count(1))
        unused = next(attempt for attempt in attempts if attempt not in used)
        return StagedVersion(
            self.objects,
            self.connection,
            folder=f"versions/{unused}",
            number=number,
            extraction=extraction,
            parent=parent,
        )

    def move_head(self, new: Head, expect: HeadRef | None) -> HeadRef:
        """Commit: replace HEAD, which must still be ``expect``, and count its revision up.

        If the swap is refused or not answered, HEAD is read: where it is the new one already, or
        stands on it, this has succeeded and returns HEAD as it is now.

        Raises:
            StateConflict: someone else committed; nothing was changed.
            StoreUnavailable: HEAD did not move.
            CommitUnknown: the outcome could not be found out.
        """
        return commit.move_head(self, self._path("HEAD"), new, expect)

    def prune(
        self,
        keep_versions: int,
        keep_extractions: int,
        *,
        keep_from: int | None = None,
        also: Sequence[VersionRef] = (),
    ) -> retention.Removed:
        """Delete what retention does not keep, and say what that was: see ``dispensable``."""
        removed = self.dispensable(keep_versions, keep_extractions, keep_from=keep_from, also=also)
        retention.remove(self.objects, self.connection, removed)
        return removed

    def dispensable(
        self,
        keep_versions: int,
        keep_extractions: int,
        *,
        keep_from: int | None = None,
        also: Sequence[VersionRef] = (),
    ) -> retention.Removed:
        """What ``prune`` would delete.

        Stay: the newest ``keep_versions`` that HEAD reaches, and of the older ones those numbered
        ``keep_from`` or higher, which somebody still needs; ``also``, reached or not; versions that
        may still follow the current one; the newest ``keep_extractions`` that are finished, HEAD's
        own before others; open ones whose base is HEAD or that HEAD names; a refused one until a
        later one is closed.
        """
        if keep_versions < 1 or keep_extractions < 0:
            raise ValueError("at least the current version is kept")
        versions = retention.children(self.objects, self._path("versions"))
        extractions = retention.children(self.objects, self._path("extractions"))
        head = self.head()
        keep = {version.folder for version in self._needed(keep_versions, keep_from)}
        keep |= {ref.manifest.rpartition("/")[0] for ref in also}
        folders = [f"versions/{name}" for name in versions]
        where = (self.objects, self.connection)
        return retention.Removed(
            versions=retention.dispensable_versions(*where, folders, head, keep),
            extractions=retention.dispensable_extractions(
                *where, extractions, head, keep_extractions
            ),
        )

    def _needed(self, newest: int, keep_from: int | None) -> Iterator[Version]:
        for place, version in enumerate(self.history()):
            # Numbers fall towards the past.
            if place >= newest and (keep_from is None or version.number < keep_from):
                return
            yield version

    def _path(self, path: str) -> str:
        return f"{self.connection}/{path}"

    def _newest_whole(self, besides: str = "", *, can_go_back: bool = True) -> str:
        try:
            version = newest_whole(self.objects, self.connection, besides)
        except ResourceError as error:
            return f"The last good version could not be looked for: {error}"
        if version is None:
            return "No version below it is whole."
        found = f"The newest version that is whole is {version.number} ({version.ref.manifest})."
        command = f"incremental-assets rollback {self.connection} {version.number}"
        return f"{found} Go back to it: {command}" if can_go_back else found
