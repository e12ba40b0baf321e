"""Many small files of the table of changes become few, a month's together.

A year of minutes is half a million files otherwise. The new file is there before the old ones go:
whoever is killed between leaves rows twice, never none. What a file is, is in ``files``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

import polars as pl

from incremental_resources.sinks.parquet.files import ChangeFiles, Piece


@dataclass(frozen=True)
class Limits:
    """When more than ``pieces`` are there, all but the newest ``untouched`` are merged, up to
    about ``rows`` rows in one."""

    pieces: int = 256
    untouched: int = 64
    rows: int = 1_000_000


LIMITS = Limits()


def is_untidy(files: ChangeFiles, limits: Limits = LIMITS) -> bool:
    """Whether ``tidy`` would find something to look into; lists the folder once."""
    pieces = files.pieces()
    return len(pieces) > limits.pieces or any(_within(pieces))


def tidy(files: ChangeFiles, limits: Limits = LIMITS) -> int:
    """Remove what a killed merge left twice, and merge what has become too much.

    One at a time: the caller holds the lease.

    Returns:
        By how many pieces there are fewer.
    """
    pieces = files.pieces()
    before = len(pieces)
    for piece, around in list(_within(pieces)):
        if piece in pieces and around in pieces and _covers(files, around, piece):
            files.remove(piece)
            pieces.remove(piece)
    if len(pieces) > limits.pieces:
        for group in _groups(files, pieces[: -limits.untouched], limits):
            _merge(files, group)
    return before - len(files.pieces())


def _within(pieces: Sequence[Piece]) -> Iterator[tuple[Piece, Piece]]:
    """Pieces whose numbers lie among those of a merged one, with that one."""
    merged = [piece for piece in pieces if piece.first < piece.last]
    for piece in pieces:
        for around in merged:
            if piece != around and around.first <= piece.first and piece.last <= around.last:
                yield piece, around


def _covers(files: ChangeFiles, around: Piece, piece: Piece) -> bool:
    """Equal numbers alone prove nothing: they begin again where a state was removed."""
    return files.versions([piece]).keys() <= files.versions([around]).keys()


def _groups(
    files: ChangeFiles, pieces: Sequence[Piece], limits: Limits
) -> Iterator[Sequence[Piece]]:
    """Neighbours to be merged: of one month, so that a month can be forgotten as a whole."""
    group: list[Piece] = []
    held, month = 0, None
    for piece in pieces:
        rows, begun = _measured(files, piece)
        if group and (begun != month or held + rows > limits.rows):
            yield group
            group, held = [], 0
        group.append(piece)
        held, month = held + rows, begun
    yield group


def _measured(files: ChangeFiles, piece: Piece) -> tuple[int, str]:
    """The number of rows, and the month in which its first version was committed."""
    first = pl.col("committed_at").min().dt.strftime("%Y-%m")
    ((rows, month),) = files.scan([piece]).select(pl.len(), first).collect().rows()
    return rows, month


def _merge(files: ChangeFiles, group: Sequence[Piece]) -> None:
    if len(group) < 2:
        return
    first, last = group[0].first, max(piece.last for piece in group)
    name = sha256("\n".join(piece.stem for piece in group).encode()).hexdigest()[:16]
    files.write(f"{first:08}-{last:08}-{name}", files.scan(group))
    for piece in group:
        files.remove(piece)
