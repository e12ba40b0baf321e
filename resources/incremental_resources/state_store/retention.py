"""What may be deleted: old versions, versions that can never be committed, finished working files.

Nothing is deleted unless HEAD and every manifest that is to stay could be read.
"""

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass

from incremental_resources.state_store.errors import (
    ExtractionMissing,
    ObjectMissing,
    StateCorrupt,
    StateTooNew,
)
from incremental_resources.state_store.extraction import (
    RECORD,
    REFUSED,
    Extraction,
    read_extraction,
)
from incremental_resources.state_store.head import HeadRef
from incremental_resources.state_store.manifest import Manifest
from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.version import MANIFEST


@dataclass(frozen=True)
class Removed:
    """What retention deletes: directories of versions, ids of extractions."""

    versions: tuple[str, ...]
    extractions: tuple[str, ...]


def remove(objects: ObjectStore, connection: str, what: Removed) -> None:
    """Delete it."""
    for folder in what.versions:
        # Without its manifest a half-deleted version ends the walk through parents cleanly.
        objects.delete(f"{connection}/{folder}/{MANIFEST}")
        objects.delete(f"{connection}/{folder}")
    for id in what.extractions:
        objects.delete(f"{connection}/extractions/{id}")


def size(objects: ObjectStore, folder: str) -> int:
    """The bytes of all objects below ``folder``; each is read for it."""
    return sum(_bytes(objects, path) for path in objects.list(folder))


def _bytes(objects: ObjectStore, path: str) -> int:
    try:
        return objects.digest(path).bytes
    except ObjectMissing:
        # Somebody else removed it meanwhile.
        return 0


def children(objects: ObjectStore, folder: str) -> dict[str, list[str]]:
    """What lies directly below ``folder``, each with the paths it holds, sorted."""
    found: dict[str, list[str]] = {}
    for path in objects.list(folder):
        name, _, rest = path[len(folder) + 1 :].partition("/")
        found.setdefault(name, []).append(rest)
    return found


def recorded(
    objects: ObjectStore, connection: str, folders: dict[str, list[str]]
) -> list[Extraction]:
    """The extractions among ``folders`` whose record can be read, oldest first."""
    known = [
        extraction
        for id, paths in folders.items()
        if RECORD in paths and (extraction := _read(objects, connection, id))
    ]
    return sorted(known, key=lambda extraction: extraction.age)


def dispensable_versions(
    objects: ObjectStore,
    connection: str,
    folders: Iterable[str],
    head: HeadRef | None,
    keep: Container[str],
) -> tuple[str, ...]:
    """The versions' directories but those in ``keep`` and those that may still commit.

    ``folders`` must have been listed before ``head`` was read: what was staged by then on an older
    head can never be committed, and what was staged later is not among them.
    """
    return tuple(
        folder
        for folder in folders
        if folder not in keep and not _may_commit(objects, connection, folder, head)
    )


def dispensable_extractions(
    objects: ObjectStore,
    connection: str,
    folders: dict[str, list[str]],
    head: HeadRef | None,
    keep: int,
) -> tuple[str, ...]:
    """Those whose working files nobody can use any more, but for the last ``keep``.

    The one that HEAD names counts as the last, the others by when they were opened.

    ``folders`` must have been listed before ``head`` was read.
    """
    known = recorded(objects, connection, folders)
    closed = [extraction.age for extraction in known if extraction.state != "open"]
    finished = [extraction for extraction in known if not _is_live(extraction, head)]
    # The one that HEAD names may still be read by its run, also when many others were begun later.
    current = head.head.extraction if head else ""
    finished.sort(key=lambda extraction: extraction.id == current)
    stay = {extraction.id for extraction in finished[max(len(finished) - keep, 0) :]}
    # People accept what a refusal recorded, in the extraction that follows it.
    stay |= {
        extraction.id
        for extraction in finished
        if _was_refused(folders[extraction.id]) and extraction.age >= max(closed, default=("", ""))
    }
    ended = {extraction.id for extraction in finished}
    gone = (id for id, paths in folders.items() if RECORD not in paths or id in ended)
    return tuple(id for id in gone if id not in stay)


def _may_commit(objects: ObjectStore, connection: str, folder: str, head: HeadRef | None) -> bool:
    path = f"{connection}/{folder}/{MANIFEST}"
    try:
        base = Manifest.from_bytes(objects.read(path).data, path).base
    except (ObjectMissing, StateCorrupt):
        # Killed before its manifest was written, or still being written.
        number = re.match(r"versions/(\d{8})-", folder)
        return number is not None and int(number[1]) == (head.head.version + 1 if head else 1)
    except StateTooNew:
        return True
    return base == (head.head.ref if head else None)


def _read(objects: ObjectStore, connection: str, id: str) -> Extraction | None:
    """The extraction, unless it went meanwhile; what cannot be understood stays."""
    try:
        return read_extraction(objects, connection, id)
    except (ExtractionMissing, StateCorrupt, StateTooNew):
        return None


def _was_refused(paths: list[str]) -> bool:
    return any(path in (f"{REFUSED}.json", f"{REFUSED}.parquet") for path in paths)


def _is_live(extraction: Extraction, head: HeadRef | None) -> bool:
    base = extraction.base
    same = (base and base.tag) == (head and head.tag)
    # Or it has just moved the head, and is about to be closed.
    ours = head is not None and head.head.extraction == extraction.id
    return extraction.state == "open" and (same or ours)
