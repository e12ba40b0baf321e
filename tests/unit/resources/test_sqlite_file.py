"""How an SQLite file is opened: for reading only, as it is now, or not at all."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from resources.source.dialects.sqlite.dialect import DIALECT
from resources.source.dialects.sqlite.file import ReadOnlyFile
from resources.source.errors import (
    AccessDenied,
    CapabilityMissing,
    QueryFailed,
    SourceUnavailable,
)
from tests.sources import listed, sqlite


def test_nothing_is_written(path: Path, source: Source) -> None:
    before = path.read_bytes()
    tables(source)
    columns(source)
    assert path.read_bytes() == before
    with (
        closing(ReadOnlyFile(str(path))) as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        connection.execute("create table item (a)")


def test_a_missing_file_is_named_and_not_created(tmp_path: Path) -> None:
    missing = tmp_path / "shop.db"
    with (
        opened(missing) as source,
        pytest.raises(SourceUnavailable, match="does not exist") as told,
    ):
        source.listing("tables", TABLES.schema)
    assert str(missing) in str(told.value)
    assert not missing.exists()


def test_a_file_that_goes_away_is_missed(path: Path, source: Source) -> None:
    source.databases()
    path.unlink()
    with pytest.raises(SourceUnavailable, match="does not exist"):
        source.databases()


def test_a_file_put_in_its_place_is_the_one_that_is_read(path: Path, source: Source) -> None:
    tables(source)
    ddl(path.with_name("new.db"), "create table item (a)")
    path.with_name("new.db").replace(path)
    assert set(tables(source)) == {"item"}


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as source, pytest.raises(AccessDenied, match="cannot be opened"):
        source.probe()


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.db").write_text("Dear reader, this is no database. " * 100)
    with (
        opened(tmp_path / "letter.db") as source,
        pytest.raises(AccessDenied, match="not a database, or it is encrypted"),
    ):
        source.listing("tables", TABLES.schema)


def test_a_damaged_file_is_refused(path: Path) -> None:
    damaged = bytearray(path.read_bytes())
    damaged[100:4096] = b"\xff" * 3996
    path.write_bytes(damaged)
    with opened(path) as source, pytest.raises(QueryFailed, match="integrity_check"):
        source.listing("tables", TABLES.schema)


def test_a_locked_file_may_be_tried_again(path: Path) -> None:
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as writer,
        opened(path, "?timeout=0.05") as source,
    ):
        writer.execute("begin exclusive")
        with pytest.raises(SourceUnavailable, match="locked") as told:
            source.listing("tables", TABLES.schema)
    assert told.value.transient


def test_a_crashed_writers_journal_is_not_rolled_back_by_a_reader(path: Path) -> None:
    left = path.with_name("left.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("pragma cache_size = 1")
        writer.execute("begin")
        writer.execute("create table item (a)")
        writer.executemany("insert into product (name) values (?)", [("x" * 5000,)] * 50)
        shutil.copy(path, left)
        shutil.copy(f"{path}-journal", f"{left}-journal")
    with opened(left) as source, pytest.raises(AccessDenied, match="has to be recovered"):
        source.listing("tables", TABLES.schema)


def test_a_write_ahead_log_is_read_with_what_is_only_in_it(path: Path) -> None:
    with closing(sqlite3.connect(path)) as writer, opened(path) as source:
        writer.execute("pragma journal_mode = wal")
        writer.execute("create table item (a)")
        writer.commit()
        assert set(tables(source)) == {"item", "product"}


def test_a_path_survives_unchanged(tmp_path: Path) -> None:
    odd = tmp_path / "50% of? it's #1 é😀&mode=rwc.db"
    ddl(odd, "create table t (a)")
    url = URL.create("sqlite", database=str(odd))
    with Source(url, DIALECT, Everything(), statement_timeout_seconds=1, name="odd") as source:
        assert source.databases() == [odd.stem]
        assert set(tables(source)) == {"t"}


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:a.db?uri=true"])
def test_a_url_without_a_file_is_refused(url: str) -> None:
    with (
        Source(url, DIALECT, Everything(), statement_timeout_seconds=1, name="none") as source,
        pytest.raises(CapabilityMissing, match="must name a file"),
    ):
        source.databases()
