"""What watch rules compare with: a few frames of a state, and a record that is swapped.

A baseline belongs to no version, so that retention and rollbacks leave it alone. Which rows are
kept, and what a difference means, is decided by the caller.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from incremental_resources.state_store.documents import FORMAT, Document, Moment, load_json
from incremental_resources.state_store.errors import ObjectMissing
from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.parquet import store_frame

FOLDER = "watch"
FRAMES = "frames"
RECORD = ".json"
STAMP = "%Y%m%dT%H%M%S"
STALE = timedelta(days=1)


class Baseline(Document):
    """A rule's record: what it compares with, and what it last found.

    ``pattern`` is the rule's when the baseline was taken. ``breaks`` are the caller's, as of the
    version whose manifest has the hash ``evaluated``; None if nothing was compared yet.
    """

    format: int = FORMAT
    pattern: str
    version: int
    marker: Moment
    taken_at: Moment
    reason: str
    files: str
    scope: dict[str, Any]
    source: dict[str, Any] | None
    evaluated: str | None = None
    kinds: list[str] = []
    breaks: list[dict[str, Any]] = []


@dataclass(frozen=True)
class Kept:
    """A record as it was read, with the tag that a swap must present."""

    baseline: Baseline
    tag: str


class Baselines:
    """The baselines of one connection, by the names of its rules."""

    def __init__(self, objects: ObjectStore, connection: str) -> None:
        self._objects = objects
        self._folder = f"{connection}/{FOLDER}"

    def read(self, rule: str) -> Kept | None:
        """The rule's record; None if it has none. Raises StateCorrupt, StateTooNew."""
        path = self._record(rule)
        try:
            stored = self._objects.read(path)
        except ObjectMissing:
            return None
        load_json(stored.data, path)
        return Kept(Baseline.from_bytes(stored.data, path), stored.tag)

    def frames(self, baseline: Baseline) -> Mapping[str, pl.LazyFrame]:
        """The rows that the baseline kept, by entity. Raises ObjectMissing."""
        paths = self._objects.list(f"{self._folder}/{baseline.files}")
        return {
            path.rpartition("/")[2].removesuffix(".parquet"): self._objects.scan(path)
            for path in paths
        }

    def store(self, frames: Mapping[str, pl.DataFrame]) -> str:
        """Keep frames for a baseline that is about to be written; where they are."""
        files = f"{FRAMES}/{datetime.now(UTC):{STAMP}}-{uuid.uuid4().hex[:8]}"
        for name, frame in frames.items():
            self._store(f"{files}/{name}.parquet", frame)
        return files

    def _store(self, path: str, frame: pl.DataFrame) -> None:
        store_frame(self._objects, self._folder, path, frame, lambda _count: [path])

    def write(self, rule: str, baseline: Baseline, before: Kept | None) -> None:
        """Swap the rule's record, and let go of the frames that it does not name any more.

        Raises SwapRefused: somebody else did meanwhile.
        """
        self._objects.swap(self._record(rule), baseline.to_bytes(), before.tag if before else None)
        if before and before.baseline.files != baseline.files:
            self._objects.delete(f"{self._folder}/{before.baseline.files}")

    def sweep(self) -> None:
        """Remove frames that no record names and that nobody is about to name: a day old ones."""
        paths = self._objects.list(self._folder)
        start = f"{self._folder}/"
        rules = [path[len(start) : -len(RECORD)] for path in paths if path.endswith(RECORD)]
        named = {found.baseline.files for found in map(self.read, rules) if found}
        before = f"{datetime.now(UTC) - STALE:{STAMP}}"
        left = {
            path[len(start) :].rpartition("/")[0] for path in paths if path.endswith(".parquet")
        }
        for files in left - named:
            if files.removeprefix(f"{FRAMES}/") < before:
                self._objects.delete(start + files)

    def forget(self, baseline: Baseline, kept: Kept | None) -> None:
        """Remove the frames of a baseline that could not be written."""
        if kept is None or kept.baseline.files != baseline.files:
            self._objects.delete(f"{self._folder}/{baseline.files}")

    def _record(self, rule: str) -> str:
        return f"{self._folder}/{rule}{RECORD}"
