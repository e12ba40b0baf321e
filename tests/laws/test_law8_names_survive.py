"""Law 8: a name survives unchanged, from the source to Parquet and back, also when it changes."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest

from incremental_assets.cli.running import Refresher
from incremental_assets.core.apply import apply
from incremental_assets.core.equality import unequal
from incremental_resources.state_store.local import LocalObjects
from tests.live import NAME, current, differences, refresh, refreshing, state
from tests.oracle import differing
from tests.sources import SOURCES, Live, fit_names, postgresql, quoted

# No two of them may become one: case, two spellings of an accent, dots, spaces at the edges.
NAMES = (
    *('quo"te', "apo'strophe", "back`tick", "[bracket]", "dot.ted", "dot.ted.twice", "."),
    *("sla/sh", "..", "../up", "back\\slash", "\\", "spa ce", " edges ", " ", "per%cent", "%s"),
    *("%(name)s", "co:lon", ":schemas", "::text", "semi;colon", "{brace}", "{}", "?", "$1", "*"),
    *("--", "/* */", "new\nline", "carriage\r\nreturn", "tab\t", "emoji 😀", "é", "e\u0301"),
    *("İstanbul", "ß", "SS", "orders", "null", "NaN", "true", "1", "01", "x" * 63, "=1+1", "#"),
    *("\u202eright", "\ufeffmark", "zero\u200bwidth", "\x01\x1b[31m", "<b>&amp;</b>", "\u2028"),
)
# What SQLite takes for the same name.
CASES = ("Orders", "ORDERS", "É")


def renamed(name: str) -> str:
    """Another name, as odd as the first."""
    return f"{name[:50]}.{name[:3]}."


def taken(live: Live) -> list[str]:
    """The names that the product takes, each for another."""
    # Where names that differ by case only are one name.
    folds = live.dialect.name in ("duckdb", "sqlite")
    return fit_names(live, NAMES if folds else NAMES + CASES)


@pytest.fixture(params=SOURCES)
def live(request: pytest.FixtureRequest) -> Live:
    """A database whose tables and columns have the names."""
    live = SOURCES[request.param](request)
    live.ddl(*(f"create table {quoted(n)} (id integer, {quoted(n)} text)" for n in taken(live)))
    return live


@pytest.fixture
def refresher(live: Live, tmp_path: Path) -> Iterator[Refresher]:
    url = live.url.render_as_string(hide_password=False)
    with refreshing(url, LocalObjects(tmp_path / "catalog")) as refresher:
        refresh(refresher)
        yield refresher


def stored(catalog: Path, refresher: Refresher, entity: str, *columns: str) -> set[tuple[str, ...]]:
    """What another reader of Parquet finds in the files of the current version."""
    version = current(refresher)
    files = [catalog / NAME / version.folder / entry.path for entry in version.files(entity)]
    rows = [row for file in files for row in pq.ParquetFile(file).read(columns).to_pylist()]
    found = [tuple(row[column] for column in columns) for row in rows]
    assert len(set(found)) == len(found)
    return set(found)


def test_names_are_in_the_files_as_they_are_in_the_source(
    tmp_path: Path, live: Live, refresher: Refresher
) -> None:
    names = taken(live)
    tables = stored(tmp_path / "catalog", refresher, "tables", "table")
    assert tables == {(name,) for name in names}
    columns = stored(tmp_path / "catalog", refresher, "columns", "table", "column")
    assert columns == {pair for name in names for pair in ((name, name), (name, "id"))}


def test_renamed_tables_and_columns_are_followed(live: Live, refresher: Refresher) -> None:
    names = fit_names(live, NAMES)
    for table in names:
        old, new = quoted(table), quoted(renamed(table))
        # A dot in a column's name makes a part of a nested one of it on ClickHouse.
        if live.dialect.name != "clickhouse":
            live.ddl(f"alter table {old} rename column {old} to {new}")
        live.ddl(f"alter table {old} rename to {new}")
    before = current(refresher)
    refresh(refresher, accept_deletions=True)
    version = current(refresher)
    url = live.url.render_as_string(hide_password=False)
    if live.dialect.name in ("postgresql", "sqlite"):
        assert differing(url, state(version), partitions=False) == {}
    assert set(state(version)["tables"].collect()["table"]) >= {renamed(name) for name in names}
    if live.dialect.durable_ids:
        moved = version.diff("tables").filter(change="RENAMED")
        pairs = moved.select("previous_table", "table").rows()
        assert sorted(pairs) == sorted((name, renamed(name)) for name in names)
    changes = {entity: version.diff(entity) for entity in version.entities}
    applied = {name: rows.lazy() for name, rows in apply(state(before), changes).items()}
    assert unequal(applied, state(version)) == {}, differences(applied, state(version))


def test_names_of_everything_else_survive(tmp_path: Path, fresh_database: str) -> None:
    live = postgresql(fresh_database)
    for name, other in ((quoted(name), quoted(renamed(name))) for name in NAMES):
        live.ddl(
            f"create schema {name}",
            f"create function {name}.{name}({name} integer) returns integer language sql return 1",
            f"create type {name}.{other} as enum ('x')",
            f"create table {name}.{name} (typed {name}.{other} default 'x')",
        )
    with refreshing(fresh_database, LocalObjects(tmp_path / "catalog")) as refresher:
        refresh(refresher)
        schemas = stored(tmp_path / "catalog", refresher, "schemas", "schema")
        routines = stored(tmp_path / "catalog", refresher, "procedures", "schema", "procedure")
        assert differing(fresh_database, state(current(refresher)), partitions=False) == {}
    assert schemas == {("public",), *((name,) for name in NAMES)}
    assert routines == {(name, name) for name in NAMES}


def test_the_name_of_a_database_survives(tmp_path: Path, fresh_database: str) -> None:
    name = """o"d'd. /\\%s:x\n{?}😀=É@#"""
    server = postgresql(fresh_database)
    server.ddl(f"create database {quoted(name)}")
    try:
        url = server.url.set(database=name).render_as_string(hide_password=False)
        with psycopg.connect(fresh_database, dbname=name) as connection:
            connection.execute("create table item (id integer)")
        with refreshing(url, LocalObjects(tmp_path / "catalog")) as refresher:
            refresh(refresher)
            tables = stored(tmp_path / "catalog", refresher, "tables", "database", "table")
        assert tables == {(name, "item")}
    finally:
        server.ddl(f"drop database {quoted(name)} with (force)")
