"""What a store of objects must do, and the proof that one does it.

Paths are posix, relative to the store's root, and made of names we chose ourselves: names of
databases or tables never become part of one. What the objects mean is said elsewhere.
"""

import os
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

from incremental_resources.errors import ResourceError
from incremental_resources.state_store.errors import ObjectExists, StoreUnavailable, SwapRefused
from incremental_resources.state_store.scratch import STALE_SECONDS, is_gone, owner

NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
# No connection can be called so.
CHECKS = "_checks"
PATH = re.compile(rf"{NAME}(?:/{NAME})*")


@dataclass(frozen=True)
class Stored:
    """An object's content with the tag that a later swap must present."""

    data: bytes
    tag: str


@dataclass(frozen=True)
class Digest:
    """An object's size and hash."""

    bytes: int
    sha256: str


class ObjectStore(Protocol):
    """Objects at paths: created once, swapped on their tag or replaced; there is no rename.

    Every method raises StoreUnavailable where the store does not answer or refuses; only the
    store's own word that nothing is there is ObjectMissing (or False, or an empty list).
    Tags are opaque. A folder is nothing but the common beginning of its objects' paths.
    """

    @property
    def uri(self) -> str:
        """Where the store is, for people; without credentials."""
        ...

    def read(self, path: str) -> Stored:
        """Raises ObjectMissing."""
        ...

    def exists(self, path: str) -> bool:
        """Whether an object (not merely a folder) is at the path."""
        ...

    def digest(self, path: str) -> Digest:
        """Size and hash of the content as it is stored now. Raises ObjectMissing."""
        ...

    def create(self, path: str, data: bytes) -> None:
        """Store a new object, whole or not at all. Raises ObjectExists."""
        ...

    def create_file(self, path: str, local: Path) -> None:
        """Store a finished local file; it is gone afterwards. Raises ObjectExists (file stays)."""
        ...

    def replace_file(self, path: str, local: Path) -> None:
        """Store a finished local file in the place of what was there, if anything, in one step; it
        is gone afterwards."""
        ...

    def copy(self, source: str, target: str) -> None:
        """Store what ``source`` holds at ``target`` too, without moving the bytes through here.

        Raises ObjectMissing, ObjectExists.
        """
        ...

    def swap(self, path: str, data: bytes, expect: str | None) -> str:
        """Replace the object if its tag is ``expect`` (None: if there is none); the new tag.

        Raises SwapRefused. After StoreUnavailable it may or may not have happened.
        """
        ...

    def list(self, folder: str) -> list[str]:
        """Paths of all objects below ``folder`` ("" = the whole store), sorted."""
        ...

    def delete(self, path: str) -> None:
        """Remove the object, or everything below the folder; absence is fine."""
        ...

    def scan(self, path: str) -> pl.LazyFrame:
        """The Parquet object as a lazy frame. Raises ObjectMissing."""
        ...

    def scratch(self) -> Path:
        """A local directory for files that become objects; choose names nobody else has."""
        ...

    def check(self) -> None:
        """Prove that the store can be written and honours conditions; leave nothing behind."""
        ...


def checked(path: str) -> str:
    """``path`` if it is one of ours; anything else is a mistake of the caller."""
    if PATH.fullmatch(path) is None:
        raise ValueError(f"{path!r} is no path of a store: names of [A-Za-z0-9_.-] joined by '/'")
    return path


def prove(objects: ObjectStore) -> None:
    """Try every condition the state depends on, in a folder of its own.

    Folders that a killed process left go first; another machine's, after a day.
    """
    for left in {path.rpartition("/")[0] for path in objects.list(CHECKS)}:
        who, began, _ = left.removeprefix(f"{CHECKS}/").split(".")
        if is_gone(who) or time.time() - int(began) > STALE_SECONDS:
            objects.delete(left)
    folder = f"{CHECKS}/{owner(os.getpid())}.{time.time():.0f}.{uuid.uuid4().hex}"
    try:
        _prove_in(objects, folder)
    finally:
        objects.delete(folder)


def _prove_in(objects: ObjectStore, folder: str) -> None:
    path = f"{folder}/object"
    objects.create(path, b"first")
    _must_refuse(objects, "create an object twice", lambda: objects.create(path, b"second"))
    tag = objects.read(path).tag
    changed = objects.swap(path, b"second", tag)
    _must_refuse(objects, "swap on an old tag", lambda: objects.swap(path, b"third", tag))
    _must_refuse(objects, "swap on absence", lambda: objects.swap(path, b"third", None))
    stored = objects.read(path)
    if stored.data != b"second" or stored.tag != changed:
        raise _untrue(objects, "does not read back what was written last")
    objects.copy(path, f"{folder}/copy")
    _must_refuse(objects, "copy over an object", lambda: objects.copy(path, f"{folder}/copy"))
    if objects.list(folder) != [f"{folder}/copy", path]:
        raise _untrue(objects, "does not list what was written")


def _must_refuse(objects: ObjectStore, what: str, attempt: Callable[[], object]) -> None:
    try:
        attempt()
    except (ObjectExists, SwapRefused):
        return
    raise _untrue(objects, f"ignores conditional writes: it let us {what}")


def _untrue(objects: ObjectStore, what: str) -> ResourceError:
    return StoreUnavailable(
        f"The state store {objects.uri} {what}. State kept there could be lost when two refreshes "
        "meet: choose another place for `state`.",
        transient=False,
    )
