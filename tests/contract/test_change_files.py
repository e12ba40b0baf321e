"""The files of the table of changes, over every kind of store: appended, merged, forgotten.

What a killed process leaves is made by a store that fails at one call; what is there is read by
DuckDB, as somebody else would.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from incremental_resources.sinks.delivery import Delivery
from incremental_resources.sinks.parquet.files import ChangeFiles
from incremental_resources.sinks.parquet.merging import Limits, is_untidy, tidy
from incremental_resources.state_store import parquet
from incremental_resources.state_store.errors import StoreUnavailable
from incremental_resources.state_store.objects import ObjectStore
from tests.builders import column, schema, state, table
from tests.sinks.made import AT, made_delivery
from tests.states import STORES

LIMITS = Limits(pieces=8, untouched=2)
FOLDER = "shop/changes"
WEEK = timedelta(days=7)


@pytest.fixture(params=STORES)
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return STORES[request.param](tmp_path)


def with_columns(count: int) -> dict[str, pl.DataFrame]:
    columns = [column("item", f"c{number}", number) for number in range(count)]
    return state(schemas=[schema()], tables=[table("item", "1")], columns=columns)


def deliveries(count: int, *, first: int = 1, apart: timedelta = timedelta(0)) -> list[Delivery]:
    """Each adds a column; they are ``apart`` in time."""
    found = []
    for number in range(first, first + count):
        before = with_columns(number - 1) if number > 1 else None
        one = made_delivery(before, with_columns(number), number)
        found.append(replace(one, created_at=AT + apart * number))
    return found


def append(objects: ObjectStore, *those: Delivery) -> ChangeFiles:
    files = ChangeFiles(objects, "shop")
    for one in those:
        files.append(one, with_state=False)
    return files


def names(objects: ObjectStore) -> list[str]:
    return [path.removeprefix(f"{FOLDER}/") for path in objects.list(FOLDER)]


def told(objects: ObjectStore, folder: Path) -> list[tuple[int, str | None]]:
    """Version and column of every row but those of tables, as DuckDB reads all files."""
    folder.mkdir(exist_ok=True)
    for path in objects.list(FOLDER):
        (folder / path.rpartition("/")[2]).write_bytes(objects.read(path).data)
    query = """
        select version, "column" from read_parquet($1)
        where entity is distinct from 'tables' order by version, "column" nulls last
    """
    found = duckdb.execute(query, [f"{folder}/*.parquet"]).fetchall()
    for path in folder.iterdir():
        path.unlink()
    return [(version, name) for version, name in found]


def expected(*numbers: int) -> list[tuple[int, str | None]]:
    """Each version has the row that begins it, last here, and but for the first one a column."""
    found: list[tuple[int, str | None]] = []
    for number in numbers:
        found += [(number, f"c{number - 1}")] if number > 1 else []
        found.append((number, None))
    return found


def seen(files: ChangeFiles) -> list[tuple[int, str | None]]:
    """The same as ``told``, as readers of ours have it."""
    rows = files.rows(pl.col("entity").ne_missing("tables")).select("version", "column")
    return rows.sort("version", "column", nulls_last=True).rows()


class Dying:
    """A store whose process is killed at the call of that number to ``method``."""

    def __init__(self, objects: ObjectStore, method: str, number: int) -> None:
        self.objects = objects
        self.method = method
        self.left = number

    def __getattr__(self, name: str) -> object:
        if name == self.method:
            self.left -= 1
            if self.left < 0:
                raise StoreUnavailable("killed here")
        return getattr(self.objects, name)


def numbered(files: ChangeFiles) -> list[tuple[int, int]]:
    return [(piece.first, piece.last) for piece in files.pieces()]


def test_a_version_is_appended_once(objects: ObjectStore, tmp_path: Path) -> None:
    first, second = deliveries(2)
    files = ChangeFiles(objects, "shop")
    assert [files.append(one, with_state=False) for one in (first, second, second)] == [0, 2, 0]
    assert names(objects) == [
        f"00000001-{first.identity[:16]}.parquet",
        f"00000002-{second.identity[:16]}.parquet",
    ]
    assert told(objects, tmp_path / "read") == expected(1, 2)
    versions = files.versions()
    assert {(one.version, one.whole) for one in versions.values()} == {(1, True), (2, False)}
    assert versions[second.identity].previous == first.identity
    assert versions[second.identity].marker == AT


def test_what_a_killed_append_left_is_replaced(
    objects: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "ROWS_PER_FILE", 3)
    large = made_delivery(with_columns(1), with_columns(9), 2)
    with pytest.raises(StoreUnavailable):
        ChangeFiles(Dying(objects, "create_file", 2), "shop").append(large)  # type: ignore[arg-type]
    left = names(objects)
    assert len(left) == 2
    # Half a version is none.
    assert ChangeFiles(objects, "shop").versions() == {}
    files = append(objects, large)
    assert set(left) < set(names(objects))
    found = told(objects, tmp_path / "read")
    assert found == [(2, f"c{number}") for number in range(1, 9)] + [(2, None)]
    assert seen(files) == found


def test_few_files_stay_as_they_are(objects: ObjectStore) -> None:
    files = append(objects, *deliveries(8))
    before = names(objects)
    assert not is_untidy(files, LIMITS)
    assert tidy(files, LIMITS) == 0
    assert names(objects) == before


def test_many_files_become_few_and_say_the_same(objects: ObjectStore, tmp_path: Path) -> None:
    files = append(objects, *deliveries(9))
    logged = files.versions()
    assert is_untidy(files, LIMITS)
    assert tidy(files, LIMITS) == 6
    assert numbered(files) == [(1, 7), (8, 8), (9, 9)]
    assert files.versions() == logged
    assert told(objects, tmp_path / "read") == seen(files) == expected(*range(1, 10))
    # What has been merged is merged again with what follows.
    append(objects, *deliveries(6, first=10))
    assert tidy(files, LIMITS) == 6
    assert numbered(files) == [(1, 13), (14, 14), (15, 15)]
    assert told(objects, tmp_path / "read") == seen(files) == expected(*range(1, 16))


def test_merged_files_are_of_a_month_and_not_too_large(objects: ObjectStore) -> None:
    files = append(objects, *deliveries(12, apart=WEEK))
    tidy(files, LIMITS)
    # From the 7th of February on, in weeks.
    assert numbered(files) == [(1, 4), (5, 8), (9, 10), (11, 11), (12, 12)]
    append(objects, *deliveries(9, first=13, apart=WEEK))
    tidy(files, replace(LIMITS, rows=9))
    sizes = [files.scan([piece]).select(pl.len()).collect().item() for piece in files.pieces()]
    # Three rows a version: the 12th is April's, and too much for the file before it.
    merged = [(9, 11), (12, 12), (13, 15), (16, 17), (18, 19)]
    assert numbered(files) == [(1, 4), (5, 8), *merged, (20, 20), (21, 21)]
    assert max(sizes[2:]) == 9
    assert sum(sizes) == 3 * 21 - 2


@pytest.mark.parametrize("removed", range(8))
def test_a_merge_that_was_killed_is_finished_and_nothing_is_told_twice(
    objects: ObjectStore, tmp_path: Path, removed: int
) -> None:
    """Killed before anything is written (the first case), or after so many removals less one."""
    files = append(objects, *deliveries(9))
    logged = files.versions()
    at = ("create_file", 0) if removed == 0 else ("delete", removed - 1)
    with pytest.raises(StoreUnavailable):
        tidy(ChangeFiles(Dying(objects, *at), "shop"), LIMITS)  # type: ignore[arg-type]
    assert len(names(objects)) == (9 if removed == 0 else 11 - removed)
    assert files.versions() == logged
    assert seen(files) == expected(*range(1, 10))
    # Others see every row at least once.
    assert set(told(objects, tmp_path / "read")) == set(expected(*range(1, 10)))
    assert is_untidy(files, LIMITS)
    tidy(files, LIMITS)
    assert told(objects, tmp_path / "read") == expected(*range(1, 10))
    assert not is_untidy(files, LIMITS)


def test_numbers_that_begin_again_are_other_versions(objects: ObjectStore, tmp_path: Path) -> None:
    files = append(objects, *deliveries(9))
    tidy(files, LIMITS)
    again = [replace(one, identity=f"f{one.identity[1:]}") for one in deliveries(3)]
    append(objects, *again)
    tidy(files, LIMITS)
    assert len(files.versions()) == 12
    both = [*expected(*range(1, 10)), *expected(1, 2, 3)]
    assert sorted(told(objects, tmp_path / "read"), key=str) == sorted(both, key=str)


def test_a_reader_is_not_disturbed_by_a_merge(objects: ObjectStore) -> None:
    """Files that were listed are gone when they are read."""

    class Overtaken(ChangeFiles):
        def rows(self, where: pl.Expr) -> pl.DataFrame:
            self.overtaken = False
            return super().rows(where)

        def scan(self, pieces: object) -> pl.LazyFrame:
            if not self.overtaken:
                self.overtaken = True
                tidy(ChangeFiles(objects, "shop"), LIMITS)
            return super().scan(pieces)  # type: ignore[arg-type]

    append(objects, *deliveries(9))
    assert seen(Overtaken(objects, "shop")) == expected(*range(1, 10))
    assert len(names(objects)) == 3


def test_files_are_forgotten_oldest_first_and_as_a_whole(objects: ObjectStore) -> None:
    files = append(objects, *deliveries(12, apart=WEEK))
    tidy(files, LIMITS)
    assert {one.version for one in files.forget(AT + WEEK * 6)} == {1, 2, 3, 4}
    assert {one.version for one in files.versions().values()} == set(range(5, 13))
    assert files.forget(datetime(2026, 1, 1, tzinfo=UTC)) == []


def test_nothing_is_logged_where_nothing_is(objects: ObjectStore) -> None:
    files = ChangeFiles(objects, "shop")
    assert files.versions() == {}
    assert files.rows(pl.lit(True)).is_empty()
    assert tidy(files, LIMITS) == 0


def test_other_files_are_left_alone(objects: ObjectStore) -> None:
    files = append(objects, *deliveries(9))
    objects.create(f"{FOLDER}/notes.txt", b"mine")
    tidy(files, LIMITS)
    assert len(files.versions()) == 9
    assert "notes.txt" in names(objects)
