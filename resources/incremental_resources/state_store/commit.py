"""The one moment that counts: moving HEAD by compare-and-swap, and finding out how it ended."""

from collections.abc import Iterator
from typing import Protocol

from incremental_resources.errors import ResourceError
from incremental_resources.state_store.errors import (
    CommitUnknown,
    ObjectMissing,
    StateConflict,
    StoreUnavailable,
    SwapRefused,
)
from incremental_resources.state_store.head import Head, HeadRef
from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.version import Version, open_version


class HeadHistory(Protocol):
    """What the commit needs to look at when the swap was refused or not answered."""

    objects: ObjectStore
    connection: str

    def head(self) -> HeadRef | None: ...

    def history(self) -> Iterator[Version]: ...


def move_head(store: HeadHistory, path: str, new: Head, expect: HeadRef | None) -> HeadRef:
    """See ``StateStore.move_head``."""
    _refuse_other_base(store, new, expect)
    revision = 1 if expect is None else expect.head.revision + 1
    head = new.model_copy(update={"revision": revision})
    try:
        tag = store.objects.swap(path, head.to_bytes(), None if expect is None else expect.tag)
    except (SwapRefused, StoreUnavailable) as error:
        return _outcome(store, head, expect, error)
    return HeadRef(head=head, tag=tag)


def _refuse_other_base(store: HeadHistory, new: Head, expect: HeadRef | None) -> None:
    """HEAD moves to its own version again, or to one that was made from it."""
    base = None if expect is None else expect.head.ref
    if new.ref == base:
        return
    try:
        version = open_version(store.objects, store.connection, new.ref)
    except ObjectMissing as error:
        raise StateConflict(
            f"Version {new.version} of {store.connection} ({new.manifest}) is not there: it was "
            "removed because it could not be committed any more. Refresh again."
        ) from error
    if version.manifest.base != base or version.number != new.version:
        raise StateConflict(
            f"Version {new.version} of {store.connection} was not made from the head that it is to "
            "follow; nothing was changed. Refresh again."
        )


def _outcome(
    store: HeadHistory, new: Head, expect: HeadRef | None, error: SwapRefused | StoreUnavailable
) -> HeadRef:
    try:
        now = store.head()
        done = now is not None and _holds(store, now, new, expect)
    except ResourceError as unreadable:
        raise CommitUnknown(
            f"Whether {store.connection} was moved to version {new.version} by extraction "
            f"{new.extraction} is unknown: {error} HEAD could not be read afterwards: {unreadable} "
            "Look at HEAD once the store answers, before anything is repeated."
        ) from error
    if now is not None and done:
        return now
    if isinstance(error, StoreUnavailable) and now == expect:
        raise error
    raise _conflict(store, new, now, expect) from error


def _holds(store: HeadHistory, now: HeadRef, new: Head, expect: HeadRef | None) -> bool:
    """Whether HEAD is the new one, or stands on the version it was to commit."""
    if now.head.extraction == new.extraction:
        return True
    base = 0 if expect is None else expect.head.version
    for version in store.history():
        if version.number <= base:
            return False
        if version.manifest.extraction == new.extraction:
            return True
    return False


def _conflict(
    store: HeadHistory, new: Head, now: HeadRef | None, expect: HeadRef | None
) -> StateConflict:
    was = "no state" if expect is None else f"revision {expect.head.revision}"
    found = (
        "there is no HEAD any more"
        if now is None
        else f"HEAD is at revision {now.head.revision} (version {now.head.version}, "
        f"extraction {now.head.extraction})"
    )
    return StateConflict(
        f"{store.connection}: extraction {new.extraction} began at {was}, but {found}. "
        "Nothing was changed: refresh again."
    )
