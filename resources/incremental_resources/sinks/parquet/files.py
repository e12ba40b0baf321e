"""The files of the table of changes: one for each version, appended, read, and forgotten.

What is in them is in ``table``, how small ones become fewer in ``merging``; whether they are a
sink's or a state's own is the caller's matter.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import polars as pl

from incremental_resources.errors import ResourceError
from incremental_resources.sinks.delivery import Delivery
from incremental_resources.sinks.parquet.table import KEY, PREVIOUS, SCHEMA, rows_of
from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.parquet import store_frame

FOLDER = "changes"
SUFFIX = ".parquet"
# <number>-<hash>, or <first>-<last>-<hash> of versions that were merged; -<part> where one file
# would be very large.
NAME = re.compile(r"((\d{8,15})-(?:(\d{8,15})-)?[0-9a-f]{16})(-\d{3,})?\.parquet")
# A row is there twice while the files that were merged are not removed yet.
SAME_ROW = ("identity", "entity", *KEY, "change", "attribute", *PREVIOUS)


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


@dataclass(frozen=True, order=True)
class Piece:
    """What was written at once: one version, or the versions from ``first`` to ``last``.

    ``files``: its paths; the last one was written last.
    """

    first: int
    last: int
    stem: str
    files: tuple[str, ...]


class ChangeFiles:
    """The table of one connection: ``<store>/<connection>/changes/<number>-<identity>.parquet``."""

    def __init__(self, objects: ObjectStore, connection: str) -> None:
        self._objects = objects
        self._folder = f"{connection}/{FOLDER}"

    def append(self, delivery: Delivery, *, with_state: bool = True) -> int:
        """Write the version's file, unless it is there; the number of changes written.

        Not ``with_state``: where a delivery begins anew, its rows, which are the state, are left
        out. With it, they take the place of what there is of the version.
        """
        stem = f"{delivery.version:08}-{delivery.identity[:16]}"
        whole = f"{delivery.version:08}-{sha256(delivery.identity.encode()).hexdigest()[:16]}"
        replacing = with_state and delivery.begins_anew
        written = 0
        if not self._is_there(whole) and (replacing or not self._is_there(stem)):
            rows = rows_of(delivery, with_changes=with_state or not delivery.begins_anew)
            written = self.write(whole if replacing else stem, rows) - 1
        if replacing:
            for piece in self.pieces():
                if piece.stem == stem:
                    self.remove(piece)
        return written

    def _is_there(self, stem: str) -> bool:
        return self._objects.exists(f"{self._folder}/{stem}{SUFFIX}")

    def write(self, stem: str, rows: pl.LazyFrame) -> int:
        """Write a new piece; the number of rows. Parts that a killed writer left are replaced."""
        number = 1
        while self._objects.exists(part := f"{self._folder}/{_part(stem, number)}"):
            self._objects.delete(part)
            number += 1
        written = store_frame(
            self._objects, self._folder, FOLDER, rows, lambda count: _names(stem, count)
        )
        return sum(entry.rows for entry in written)

    def pieces(self) -> list[Piece]:
        """All that were written to their end, by their numbers."""
        found: dict[str, list[str]] = {}
        whole: dict[str, tuple[int, int]] = {}
        for path in self._objects.list(self._folder):
            name = NAME.fullmatch(path.removeprefix(f"{self._folder}/"))
            if name is None:
                continue
            found.setdefault(name[1], []).append(path)
            if name[4] is None:
                whole[name[1]] = (int(name[2]), int(name[3] or name[2]))
        return sorted(
            Piece(*numbers, stem, (*sorted(set(found[stem]) - {last}), last))
            for stem, numbers in whole.items()
            for last in [f"{self._folder}/{stem}{SUFFIX}"]
        )

    def versions(self, pieces: Sequence[Piece] | None = None) -> dict[str, LoggedVersion]:
        """The versions of these pieces (default: of all of them), by their identity."""
        names = list(LoggedVersion.__annotations__)
        begun = pl.col("entity").is_null()
        if pieces is None:
            rows = self.rows(begun).select(names)
        else:
            rows = self.scan(pieces).filter(begun).select(names).collect()
        return {row["identity"]: LoggedVersion(**row) for row in rows.iter_rows(named=True)}

    def rows(self, where: pl.Expr) -> pl.DataFrame:
        """Those rows of the table, each once."""
        pieces = self.pieces()
        while True:
            try:
                rows = self.scan(pieces).filter(where)
                return rows.unique(SAME_ROW, keep="first", maintain_order=True).collect()
            except (ResourceError, OSError, pl.exceptions.ComputeError):
                # Files that were merged meanwhile are gone, and another one has what they had.
                before, pieces = pieces, self.pieces()
                if before == pieces:
                    raise

    def scan(self, pieces: Iterable[Piece]) -> pl.LazyFrame:
        """The rows of these pieces."""
        files = [self._objects.scan(path) for piece in pieces for path in piece.files]
        return pl.concat(files) if files else pl.LazyFrame(schema=SCHEMA)

    def remove(self, piece: Piece) -> None:
        """Remove a piece; half removed, it is none any more."""
        for path in reversed(piece.files):
            self._objects.delete(path)

    def forget(self, before: datetime) -> list[LoggedVersion]:
        """Remove the versions that were committed before then; which they were.

        A piece goes as a whole, and not before those with lower numbers.
        """
        gone: dict[str, LoggedVersion] = {}
        for piece in self.pieces():
            found = self.versions([piece])
            if any(one.committed_at >= before for one in found.values()):
                break
            self.remove(piece)
            gone |= found
        return list(gone.values())


def _part(stem: str, number: int) -> str:
    return f"{stem}-{number:03}{SUFFIX}"


def _names(stem: str, count: int) -> list[str]:
    """The names of a piece's files; the one without a number comes last: it says that all are."""
    return [*(_part(stem, number) for number in range(1, count)), f"{stem}{SUFFIX}"]
