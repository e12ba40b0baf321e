"""Small states for tests: stores by kind, and a whole refresh in one call."""

import atexit
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import polars as pl

from incremental_resources.state_store.errors import StoreUnavailable
from incremental_resources.state_store.extraction import Extraction
from incremental_resources.state_store.head import Head, HeadRef
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.memory import MemoryObjects
from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.store import StateStore
from incremental_resources.state_store.version import Version
from tests.s3_server import S3Server, s3_objects, started


@cache
def s3_server() -> S3Server:
    """The server that all tests of this process share; it ends with the process."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(started())


def on_s3(folder: Path) -> ObjectStore:
    """A store in a bucket of its own."""
    return s3_objects(s3_server().endpoint, s3_server().bucket(), "state/catalog")


# Every kind of store that ships; the suites run over all of them.
STORES: dict[str, Callable[[Path], ObjectStore]] = {
    "memory": lambda folder: MemoryObjects(),
    "local": lambda folder: LocalObjects(folder / "catalog"),
    "s3": on_s3,
}
MARKER = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
SOURCE = {"identity": {"system_identifier": "7"}, "position": {"position_wal": 2**70}}


def tables(*names: str) -> pl.DataFrame:
    """A small listing."""
    return pl.DataFrame({"table": list(names)}, schema={"table": pl.String})


def opened(store: StateStore, id: str, base: HeadRef | None = None) -> Extraction:
    """An open extraction on ``base``."""
    return store.open_extraction(id, {"base": base and base.model_dump(mode="json")})


def staged(
    store: StateStore, extraction: Extraction, frame: pl.DataFrame, parent: Version | None = None
) -> Version:
    """A whole version that holds one listing, not committed."""
    stage = store.stage_version(extraction, parent=parent)
    stage.write("tables", frame)
    if parent is not None:
        stage.write("diff/tables", frame.head(1))
    stage.write_summary({"tables": {"CREATED": frame.height}})
    return stage.finish(
        created_at=MARKER,
        marker=MARKER,
        probe="p",
        dialect="postgresql",
        scope={"include": {}},
        changes={"tables": {"CREATED": frame.height}},
    )


def head_at(version: Version, extraction: str) -> Head:
    """The head that commits ``version``."""
    return Head.at(version.ref, marker=MARKER, probe="p", extraction=extraction, source=SOURCE)


def refresh(store: StateStore, id: str, *names: str) -> HeadRef:
    """One refresh from HEAD as it is now to the commit, with the tables ``names``."""
    base = store.head()
    extraction = opened(store, id, base)
    extraction.write("tables", tables(*names))
    version = staged(store, extraction, tables(*names), store.current())
    ref = store.move_head(head_at(version, id), base)
    extraction.close("committed")
    return ref


def listed(version: Version) -> list[str]:
    """The tables a version holds."""
    return version.scan("tables").collect()["table"].to_list()


def overwrite(objects: ObjectStore, path: str, data: bytes) -> None:
    """Damage an object behind the store's back."""
    objects.delete(path)
    objects.create(path, data)


class Faulty:
    """A store that fails where a test says so; everything else it passes on."""

    def __init__(self, objects: ObjectStore) -> None:
        self.objects = objects
        self.swap_is_lost = False
        self.answer_is_lost = False
        self.reads_fail = False

    def __getattr__(self, name: str) -> object:
        return getattr(self.objects, name)

    def read(self, path: str) -> object:
        if self.reads_fail:
            raise StoreUnavailable(f"{path}: timed out")
        return self.objects.read(path)

    def swap(self, path: str, data: bytes, expect: str | None) -> str:
        if self.swap_is_lost:
            raise StoreUnavailable(f"{path}: timed out")
        tag = self.objects.swap(path, data, expect)
        if self.answer_is_lost:
            raise StoreUnavailable(f"{path}: timed out")
        return tag
