"""The files of the table of changes: one for each version, appended, read, and forgotten.

What is in them is in ``table``; whether they are a sink's or a state's own is the caller's matter.
"""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from incremental_resources.sinks.delivery import Delivery
from incremental_resources.sinks.parquet.table import KEY, PREVIOUS, rows_of
from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.parquet import store_frame

FOLDER = "changes"
SUFFIX = ".parquet"


@dataclass(frozen=True)
class LoggedVersion:
    """A version in the table; ``previous`` is the identity of the one logged before it.

    ``whole``: it replaces all that was logged before, so that history begins with it.
    """

    version: int
    identity: str
    previous: str | None
    whole: bool
    marker: datetime
    committed_at: datetime
    files: tuple[str, ...]


class ChangeFiles:
    """The table of one connection: ``<store>/<connection>/changes/<number>-<identity>.parquet``."""

    def __init__(self, objects: ObjectStore, connection: str) -> None:
        self._objects = objects
        self._folder = f"{connection}/{FOLDER}"

    def append(self, delivery: Delivery, *, with_state: bool = True) -> int:
        """Write the version's file, unless it is there; the number of changes written.

        Not ``with_state``: where a delivery begins anew, its rows, which are the state, are left
        out.
        """
        stem = f"{delivery.version:08}-{delivery.identity[:16]}"
        if self._objects.exists(f"{self._folder}/{stem}{SUFFIX}"):
            return 0
        for path in self._objects.list(self._folder):
            # What a killed publisher left.
            if path.startswith(f"{self._folder}/{stem}-"):
                self._objects.delete(path)
        rows = rows_of(delivery, with_changes=with_state or not delivery.begins_anew)
        written = store_frame(
            self._objects, self._folder, FOLDER, rows, lambda count: _names(stem, count)
        )
        return sum(entry.rows for entry in written) - 1

    def versions(self) -> dict[str, LoggedVersion]:
        """All versions of the table, by their identity."""
        paths = self._objects.list(self._folder)
        found = {}
        for path in paths:
            stem = path.removeprefix(f"{self._folder}/").removesuffix(SUFFIX)
            if stem.count("-") != 1:
                continue
            parts = [one for one in paths if one.startswith(f"{self._folder}/{stem}-")]
            files = (*parts, path)
            (row,) = self._scan(files).filter(pl.col("entity").is_null()).collect().to_dicts()
            names = ("version", "identity", "previous", "whole", "marker", "committed_at")
            one = LoggedVersion(**{name: row[name] for name in names}, files=files)
            found[one.identity] = one
        return found

    def changes(self, version: LoggedVersion, entity: str, key: tuple[str, ...]) -> pl.LazyFrame:
        """The rows of one entity: key, change, attribute, before, after, previous_<key>."""
        rows = self._scan(version.files).filter(pl.col("entity") == entity)
        named = [name for name in KEY if name in key]
        before = [name for name in PREVIOUS if name.removeprefix("previous_") in key]
        return rows.select(*named, "change", "attribute", "before", "after", *before)

    def forget(self, before: datetime) -> list[LoggedVersion]:
        """Remove the versions that were committed before then; which they were."""
        old = [one for one in self.versions().values() if one.committed_at < before]
        for path in (path for one in old for path in reversed(one.files)):
            self._objects.delete(path)
        return old

    def _scan(self, files: tuple[str, ...]) -> pl.LazyFrame:
        return pl.concat([self._objects.scan(path) for path in files])


def _names(stem: str, count: int) -> list[str]:
    """The names of a version's files; the one without a number comes last: it says that all are."""
    numbered = [f"{stem}-{number:03}{SUFFIX}" for number in range(1, count)]
    return [*numbered, f"{stem}{SUFFIX}"]
