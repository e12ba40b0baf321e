"""Every kind of DDL against a live PostgreSQL: what must move the token and the probe, what not."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl
import psycopg
import pytest

from incremental_assets.core.entities import ENTITIES
from incremental_resources.source.dialect import dialect_for
from incremental_resources.source.source import Source
from tests.postgresql_built_in import BUILT_IN_IN_COLUMNS, BUILT_IN_IN_TEXTS
from tests.postgresql_changes import AFTER, BASE, REAL_CHANGES
from tests.postgresql_names import NAMED_IN_COLUMNS, NO_CHANGES
from tests.sources import Only

Rows = frozenset[tuple[object, ...]]


@dataclass(frozen=True)
class Look:
    """What the source printed at one moment; columns and tokens by the table's native id."""

    listings: dict[str, Rows]
    columns: dict[str, Rows]
    tokens: dict[str, str]
    probe: str | None
    writes: str | None

    @property
    def printed(self) -> tuple[dict[str, Rows], dict[str, Rows]]:
        return self.listings, self.columns


@pytest.fixture(scope="module")
def matrix_url(postgres_url: str) -> Iterator[str]:
    """One database for all cases: each leaves it as it was."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("create database matrix")
        yield postgres_url.rpartition("/")[0] + "/matrix"
        connection.execute("drop database matrix with (force)")


@pytest.fixture
def database(matrix_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(matrix_url, autocommit=True) as connection:
        run(connection, BASE)
        yield connection
        run(connection, AFTER)


@pytest.fixture(scope="module")
def source(matrix_url: str) -> Iterator[Source]:
    dialect = dialect_for(matrix_url)
    scope = Only("matrix", partitions="list")
    with Source(matrix_url, dialect, scope, statement_timeout_seconds=60, name="shop") as source:
        yield source


def run(connection: psycopg.Connection, statements: Iterable[str]) -> None:
    for statement in (*statements, "select pg_stat_force_next_flush()"):
        connection.execute(statement)


def look(source: Source) -> Look:
    """Everything printed now."""
    listings = {
        name: source.listing(name, entity.schema)
        for name, entity in ENTITIES.items()
        if name != "columns"
    }
    (probed,) = (source.probes() or {}).values()
    tables = listings["tables"]
    read = pl.concat(source.columns("matrix", tables, ENTITIES["columns"].schema))
    ids = tables.select("schema", "table", "native_id")
    columns = read.join(ids, on=["schema", "table"], how="left", validate="m:1")
    return Look(
        listings={
            name: frozenset(frame.drop(ENTITIES[name].bookkeeping).rows())
            for name, frame in listings.items()
        },
        columns={
            str(key): frozenset(part.drop("schema", "table").rows())
            for (key,), part in columns.partition_by("native_id", as_dict=True).items()
        },
        tokens=dict(tables.select("native_id", "token").iter_rows()),
        probe=source.probe(),
        writes=probed.writes,
    )


def assert_every_reread_is_announced(before: Look, after: Look) -> None:
    """A table whose columns print otherwise has another token."""
    kept = before.tokens.keys() & after.tokens.keys()
    silent = [
        key
        for key in kept
        if before.columns.get(key) != after.columns.get(key)
        and before.tokens[key] == after.tokens[key]
    ]
    assert silent == []


@pytest.mark.parametrize("name", REAL_CHANGES)
def test_a_real_change_shows(database: psycopg.Connection, source: Source, name: str) -> None:
    setup, change = REAL_CHANGES[name]
    run(database, setup)
    before = look(source)
    run(database, (change,))
    after = look(source)
    assert (before.listings, before.tokens) != (after.listings, after.tokens)
    assert before.probe != after.probe
    assert before.writes != after.writes
    assert_every_reread_is_announced(before, after)


@pytest.mark.parametrize("name", NAMED_IN_COLUMNS)
def test_a_name_that_columns_print_shows(
    database: psycopg.Connection, source: Source, name: str
) -> None:
    setup, change = NAMED_IN_COLUMNS[name]
    run(database, setup)
    before = look(source)
    run(database, (change,))
    after = look(source)
    assert before.columns != after.columns
    assert before.probe != after.probe
    assert before.writes != after.writes
    assert_every_reread_is_announced(before, after)


@pytest.mark.parametrize("name", BUILT_IN_IN_COLUMNS)
def test_a_built_in_name_that_columns_print_shows(
    database: psycopg.Connection, source: Source, name: str
) -> None:
    before, after = looks_around(database, source, *BUILT_IN_IN_COLUMNS[name])
    assert before.columns != after.columns
    assert_every_reread_is_announced(before, after)


@pytest.mark.parametrize("name", BUILT_IN_IN_TEXTS)
def test_a_built_in_name_that_a_text_prints_shows(
    database: psycopg.Connection, source: Source, name: str
) -> None:
    before, after = looks_around(database, source, *BUILT_IN_IN_TEXTS[name])
    assert before.listings != after.listings
    assert_every_reread_is_announced(before, after)


def looks_around(
    database: psycopg.Connection,
    source: Source,
    setup: Iterable[str],
    change: Iterable[str],
    undo: Iterable[str],
) -> tuple[Look, Look]:
    """What was printed before and after a change that the probe has to see."""
    run(database, setup)
    before = look(source)
    run(database, change)
    try:
        after = look(source)
    finally:
        run(database, undo)
    assert before.probe != after.probe
    assert before.writes != after.writes
    return before, after


@pytest.mark.parametrize("name", NO_CHANGES)
def test_what_changes_nothing_prints_the_same(
    database: psycopg.Connection, source: Source, name: str
) -> None:
    setup, change, token_stays, probe_stays = NO_CHANGES[name]
    run(database, setup)
    before = look(source)
    run(database, change)
    after = look(source)
    assert before.printed == after.printed
    assert before.tokens == after.tokens or not token_stays
    assert before.probe == after.probe or not probe_stays


def test_looking_twice_shows_the_same(database: psycopg.Connection, source: Source) -> None:
    assert look(source) == look(source)


def test_only_the_table_concerned_is_read_again(
    database: psycopg.Connection, source: Source
) -> None:
    before = look(source)
    run(database, ("comment on column parent.name is 'as on the door'",))
    after = look(source)
    assert sum(before.tokens[key] != after.tokens[key] for key in before.tokens) == 1


def test_a_table_made_again_has_another_token(database: psycopg.Connection, source: Source) -> None:
    before = look(source)
    run(database, ("drop table parent", "create table parent (id integer primary key, name text)"))
    after = look(source)
    assert len(set(after.tokens.values()) - set(before.tokens.values())) == 1
