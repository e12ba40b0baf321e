"""Random DDL on a DuckDB file, as ``ddl`` has it for PostgreSQL.

The schema ``still`` is never touched. What is found in the file afterwards is said by
``describe``, ``show`` and the standard's information_schema, which share no query with ours.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import polars as pl

from tests.ddl import NAMES
from tests.sources import quoted

SEED = """
    create schema still; create schema one;
    create table still.a (id integer primary key, note varchar default 'quiet');
    create view still.v as select * from still.a; comment on column still.a.id is 'quiet';
    create table product (id integer primary key, name varchar(20) not null default 'pen');
    create table sale (id integer primary key, product integer references product (id), note text);
    create view offer as select * from product; create type mood as enum ('sad', 'ok');
    create table one.feeling (m mood default 'ok', twice integer generated always as (1 + 1));
    create sequence numbers; create macro total(a, b := 2) as a + b;
"""
# ruff: noqa: E501 - one statement a line
STATEMENTS = """
create table {schema}.{new} (id integer primary key, {new} text)
create table {schema}.{new} ({new} varchar(20) not null default 'x', {new} decimal(10, 2), unique ({new}))
create table {schema}.{new} (a integer, {new} integer generated always as (a * 2) virtual)
create table {schema}.{new} (a integer, {new} text generated always as (a || '%s :x') virtual)
create table {schema}.{new} (a integer default nextval('numbers'), m mood default 'sad', b integer[3])
create table {schema}.{new} (s struct(a integer, "b c" text), u union(n integer, v text), m map(text, integer))
create table {schema}.{new} (id integer primary key, {new} integer references {table} (id))
create table {schema}.{new} as select * from {relation}
create or replace table {table} (id integer, note text, more blob)
drop table {table}
drop table {table}; create table {same} (id integer, note text)
drop table {table}; create table {same} (id integer, note text, more blob)
alter table {table} rename to {new}
alter table {table} rename to swap; alter table {other} rename to {same_name}; {swapped}
alter table {table} add column {new} integer default 7
alter table {table} add column {new} text
alter table {table} rename column {column} to {new}
alter table {table} drop column {column}
alter table {table} alter column {column} set data type text
alter table {table} alter column {column} set default 5
alter table {table} alter column {column} drop default
alter table {table} alter column {column} set not null
alter table {table} alter column {column} drop not null
alter table {table} add primary key ({column})
create view {schema}.{new} as select * from {relation}
create view {schema}.{new} as select 1 as {new}, 'x' as {new}
create or replace view {view} as select 1 as one, 2 as {new}
alter view {view} rename to {new}
drop view {view}
drop view {view}; create table {same} (one integer)
create index {new} on {table} ({column})
comment on table {table} is {comment}
comment on view {view} is {comment}
comment on column {table}.{column} is {comment}
create schema {new}
drop schema {schema}
drop schema {schema} cascade
create macro {schema}.{new}(a) as a
create macro {schema}.{new}(a, b) as table select a, b
create or replace macro total(a, b := 2) as a - b, (a) as a
comment on macro total is {comment}
insert into {table} default values
checkpoint
""".strip().splitlines()
RELATIONS = """
    select table_schema, table_name from information_schema.tables
    where table_type in ({}) and table_schema <> 'still' order by all
"""
KEPT = """
    select column_name, data_type, 'YES' from information_schema.columns
    where table_schema = ? and table_name = ? order by ordinal_position
"""
WORDS = {
    "table": RELATIONS.format("'BASE TABLE'"),
    "view": RELATIONS.format("'VIEW'"),
    "relation": RELATIONS.format("'BASE TABLE', 'VIEW'"),
}


class Words:
    """What the words of a statement stand for; {same} is the relation chosen before."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, random: Random) -> None:
        self._connection = connection
        self._random = random
        self._chosen = ("main", "nothing")
        self._exchanged = "nothing"

    def __getitem__(self, word: str) -> str:
        special = getattr(self, f"_{word}", None)
        if special:
            return special()
        self._chosen = self._random.choice(self._found(WORDS[word]))
        return self._same()

    def _found(self, query: str, *values: str) -> list[Any]:
        # Nothing of that name exists where there is nothing to choose from.
        return self._connection.execute(query, values).fetchall() or [("main", "nothing")]

    def _new(self) -> str:
        return quoted(self._random.choice(NAMES))

    def _same(self) -> str:
        return ".".join(map(quoted, self._chosen))

    def _same_name(self) -> str:
        return quoted(self._chosen[1])

    def _other(self) -> str:
        schema, self._exchanged = self._random.choice(self._found(WORDS["table"]))
        return ".".join(map(quoted, (schema, self._exchanged)))

    def _swapped(self) -> str:
        return f"alter table {quoted(self._chosen[0])}.swap rename to {quoted(self._exchanged)}"

    def _schema(self) -> str:
        query = "select distinct schema_name from information_schema.schemata where "
        query += "catalog_name = current_database() and schema_name not in "
        query += "('still', 'information_schema', 'pg_catalog') order by all"
        return quoted(self._random.choice(self._found(query))[0])

    def _column(self) -> str:
        query = "select column_name from information_schema.columns where "
        query += "table_schema = ? and table_name = ? order by all"
        return quoted(self._random.choice(self._found(query, *self._chosen))[0])

    def _comment(self) -> str:
        return self._random.choice(("null", "''", "'said'", "'it''s \n\\ %s :x 😀'"))


def settle(file: Path) -> None:
    """Lay out what every game begins with, in place of what the last one left."""
    for path in (file, file.with_name(f"{file.name}.wal")):
        path.unlink(missing_ok=True)
    with duckdb.connect(file) as connection:
        connection.execute(SEED)


def play(file: Path, random: Random) -> list[str]:
    """Run a few random statements; those that came to something."""
    # Nobody reads a file that somebody may write to.
    with duckdb.connect(file) as connection:
        moves = [change(connection, random) for _ in range(random.randint(1, 8))]
    return [statement for statement in moves if statement]


def change(connection: duckdb.DuckDBPyConnection, random: Random) -> str | None:
    """Run one random statement, or several as one; None if nothing came of it."""
    statement = random.choice(STATEMENTS).format_map(Words(connection, random))
    parts = statement.split("; ")
    together = len(parts) > 1
    try:
        if together:
            connection.execute("begin")
        for part in parts:
            connection.execute(part)
        if together:
            connection.execute("commit")
    except duckdb.Error:
        if together:
            connection.execute("rollback")
        return None
    return statement


def differing(file: Path, state: Mapping[str, pl.LazyFrame]) -> dict[str, Any]:
    """By kind of object, what a state says otherwise than DuckDB's own commands: (theirs, ours)."""
    true, ours = picture(file), pictured(state)
    return {
        kind: {
            key: (true[kind].get(key), ours[kind].get(key))
            for key in true[kind].keys() | ours[kind].keys()
            if true[kind].get(key) != ours[kind].get(key)
        }
        for kind in true
        if true[kind] != ours[kind]
    }


def picture(file: Path) -> dict[str, dict[Any, Any]]:
    """What ``show all tables`` and ``pragma show`` say, and the standard's views."""
    with duckdb.connect(file, read_only=True) as connection:

        def rows(query: str) -> list[tuple[Any, ...]]:
            return connection.execute(query).fetchall()

        relations = rows(
            "select table_schema, table_name, table_type, table_comment "
            "from information_schema.tables where table_catalog = current_database()"
        )
        columns = dict(_described(connection, relations))
        keys = rows(
            "select table_schema, table_name, column_name, constraint_name "
            "from information_schema.key_column_usage where constraint_name like '%_pkey'"
        )
        schemas = rows(
            "select schema_name from information_schema.schemata where catalog_name = "
            "current_database() and schema_name not in ('information_schema', 'pg_catalog')"
        )
    return {
        "schemas": dict.fromkeys(schemas, True),
        "relations": {row[:2]: (row[2].removeprefix("BASE "), row[3]) for row in relations},
        "columns": columns,
        "keys": {row[:3]: True for row in keys},
    }


def _described(
    connection: duckdb.DuckDBPyConnection, relations: list[tuple[Any, ...]]
) -> Iterator[tuple[tuple[str, str, str], tuple[int, str, bool]]]:
    for schema, table, kind, _ in relations:
        try:
            found = connection.execute(f"describe {quoted(schema)}.{quoted(table)}").fetchall()
        except duckdb.Error:
            # A view over what is gone or altered cannot be described; it keeps its columns.
            assert kind == "VIEW"
            found = connection.execute(KEPT, (schema, table)).fetchall()
        for place, (name, data_type, nullable, *_) in enumerate(found):
            # Of a view, describe says what its query gives, the catalogue nothing.
            yield (schema, table, name), (place, data_type, kind == "VIEW" or nullable == "YES")


def pictured(state: Mapping[str, pl.LazyFrame]) -> dict[str, dict[Any, Any]]:
    """A state in the same terms."""
    rows = {name: frame.collect() for name, frame in state.items()}
    place = (pl.col("ordinal").rank("ordinal").over("schema", "table") - 1).cast(pl.Int64)
    columns = rows["columns"].with_columns(place=place)
    key = ("schema", "table", "column")
    return {
        "schemas": {(name,): True for name in rows["schemas"]["schema"]},
        "relations": {
            row[:2]: row[2:]
            for row in rows["tables"].select("schema", "table", "kind", "comment").rows()
        },
        "columns": {
            row[:3]: row[3:]
            for row in columns.select(*key, "place", "data_type", "nullable").rows()
        },
        "keys": dict.fromkeys(columns.filter("is_primary_key").select(key).rows(), True),
    }
