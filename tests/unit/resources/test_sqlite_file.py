"""How an SQLite file is opened: for reading only, as it is now, or not at all."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from incremental_resources.source.dialect import dialect_for
from incremental_resources.source.dialects.sqlite.file import ReadOnlyFile
from incremental_resources.source.errors import (
    AccessDenied,
    CapabilityMissing,
    QueryFailed,
    SourceUnavailable,
)
from incremental_resources.source.source import Source
from tests.sources import Live, Only, listed, sqlite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@pytest.fixture
def live(path: Path) -> Live:
    live = sqlite(path)
    live.ddl("create table product (id integer primary key, name text)")
    return live


def tables(live: Live) -> set[str]:
    with live.source() as source:
        return set(listed(source, "tables")["table"])


def test_nothing_is_written(live: Live, path: Path) -> None:
    before = path.read_bytes()
    with live.source() as source:
        listed(source, "columns")
    assert path.read_bytes() == before
    with (
        closing(ReadOnlyFile(str(path))) as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        connection.execute("create table item (a)")


def test_a_missing_file_is_named_and_not_created(path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="does not exist") as error:
        tables(sqlite(path))
    assert str(path) in str(error.value)
    assert not path.exists()


def test_a_file_that_goes_away_is_missed(live: Live, path: Path) -> None:
    with live.source() as source:
        source.databases()
        path.unlink()
        with pytest.raises(SourceUnavailable, match="does not exist"):
            source.databases()


def test_a_file_put_in_its_place_is_the_one_that_is_read(live: Live, path: Path) -> None:
    new = path.with_name("new.db")
    sqlite(new).ddl("create table item (a)")
    with live.source() as source:
        assert set(listed(source, "tables")["table"]) == {"product"}
        new.replace(path)
        assert set(listed(source, "tables")["table"]) == {"item"}


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AccessDenied, match="cannot be opened"):
        tables(sqlite(tmp_path))


def test_another_kind_of_file_is_refused(path: Path) -> None:
    path.write_text("Dear reader, this is no database. " * 100)
    with pytest.raises(AccessDenied, match="not a database, or it is encrypted"):
        tables(sqlite(path))


def test_a_damaged_file_is_refused(live: Live, path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * 3996 + content[4096:])
    with pytest.raises(QueryFailed, match="integrity_check"):
        tables(live)


def test_a_locked_file_may_be_tried_again(live: Live, path: Path) -> None:
    impatient = live.at(live.url.update_query_dict({"timeout": "0.05"}))
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("begin exclusive")
        with pytest.raises(SourceUnavailable, match="locked") as error:
            tables(impatient)
    assert error.value.transient


def test_a_crashed_writers_journal_is_left_alone(live: Live, path: Path) -> None:
    left = path.with_name("left.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("pragma cache_size = 1")  # so that pages are written before the commit
        writer.execute("begin")
        writer.executemany("insert into product (name) values (?)", [("x" * 5000,)] * 50)
        shutil.copy(path, left)
        shutil.copy(f"{path}-journal", f"{left}-journal")
    with pytest.raises(AccessDenied, match="has to be rolled back"):
        tables(sqlite(left))


def test_a_write_ahead_log_is_read_too(live: Live, path: Path) -> None:
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("pragma journal_mode = wal")
        writer.execute("create table item (a)")
        writer.commit()
        assert tables(live) == {"item", "product"}


def test_a_path_survives_unchanged(tmp_path: Path) -> None:
    live = sqlite(tmp_path / "50% of? it's #1 é😀&mode=rwc.db")
    live.ddl("create table item (a)")
    assert live.database == "50% of? it's #1 é😀&mode=rwc"
    assert tables(live) == {"item"}


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:a.db?uri=true"])
def test_a_url_without_a_file_is_refused(url: str) -> None:
    with (
        Source(
            url, dialect_for(url), Only("a"), statement_timeout_seconds=1, name="none"
        ) as source,
        pytest.raises(CapabilityMissing, match="must name a file"),
    ):
        source.databases()
