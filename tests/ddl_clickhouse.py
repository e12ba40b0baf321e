"""Random DDL on ClickHouse, as ``ddl`` has it for PostgreSQL.

The database ``still`` is never touched. What is there afterwards is said by ``show`` and
``describe``, which share no query with ours.
"""

import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import polars as pl

from tests.ddl import NAMES

# ruff: noqa: E501 - one statement a line
SEED = """
create database still
create table still.a (id Int32, note String default 'quiet' comment 'quiet') engine = MergeTree order by id
create view still.v as select * from still.a
create database one
create database shop
create table shop.product (id Int32, name String default 'pen', twice Int32 materialized id * 2) engine = MergeTree order by id
create table shop.sale (id Int32, product Nullable(Int32), note Nullable(String)) engine = MergeTree order by id
create view shop.offer as select * from shop.product
create materialized view one.summary engine = MergeTree order by id as select id from shop.product
create materialized view one.copied to shop.product as select id, note as name from shop.sale
create dictionary one.words (id UInt64, word String) primary key id source(clickhouse(table 'product' db 'shop')) layout(flat()) lifetime(10)
""".strip().splitlines()
STATEMENTS = """
create table {schema}.{new} (id Int32, {new} String) engine = MergeTree order by id
create table {schema}.{new} (a Int64, {new} LowCardinality(Nullable(String)) default 'x') engine = MergeTree order by (a) primary key a
create table {schema}.{new} (a Int32, b Int32 alias a + 1, c Int32 materialized a * 2, d Int32 ephemeral) engine = Memory
create table {schema}.{new} ({new} Decimal(10, 2), s Tuple(x Int32, y Array(String)), f FixedString(7)) engine = Log
create table {schema}.{new} as {table}
create or replace table {table} (id Int32, more String) engine = MergeTree order by id
drop table {table}
rename table {table} to {schema}.{new}
exchange tables {table} and {other}
alter table {table} add column {new} Int32 default 7
alter table {table} add column {new} Nullable(DateTime64(3)) first
alter table {table} add column {new} String alias 'x'
alter table {table} drop column {column}
alter table {table} rename column {column} to {new}
alter table {table} modify column {column} String
alter table {table} modify column {column} default 5
alter table {table} modify column {column} remove default
alter table {table} modify column {column} modify comment {comment}
alter table {table} comment column {column} {comment}
alter table {table} modify comment {comment}
create view {schema}.{new} as select * from {relation}
create view {schema}.{new} as select 1 as {new}, 'x' as other
create or replace view {view} as select 1 as one, 2 as {new}
drop view {view}
drop view {view}; create table {same} (one Int32) engine = Memory
create materialized view {schema}.{new} engine = MergeTree order by tuple() as select * from {table}
create database {new}
drop database {schema}
rename database {schema} to {new}
insert into {table} (id) values (1)
truncate table {table}
optimize table {table}
""".strip().splitlines()
RELATIONS = """
    select database, name from system.tables where engine {} and not startsWith(name, '.inner')
    and database not in ('still', 'system', 'INFORMATION_SCHEMA', 'information_schema')
    order by database, name
"""
WORDS = {
    "table": RELATIONS.format("not in ('View', 'MaterializedView', 'Dictionary')"),
    "view": RELATIONS.format("= 'View'"),
    "relation": RELATIONS.format("in ('View', 'MergeTree', 'Memory', 'Log')"),
}
# Types of tuples on one line, as they are in the catalogue.
ONE_LINE = "settings print_pretty_type_names = 0"
SYSTEM = ("system", "INFORMATION_SCHEMA", "information_schema")


def quoted(name: str) -> str:
    """``name`` as an identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


class Words:
    """What the words of a statement stand for; {same} is the relation chosen before."""

    def __init__(self, connection: Any, random: Random) -> None:
        self._connection = connection
        self._random = random
        self._chosen: list[str] = ["shop", "nothing"]

    def __getitem__(self, word: str) -> str:
        special = getattr(self, f"_{word}", None)
        if special:
            return special()
        self._chosen = self._random.choice(rows(self._connection, WORDS[word]) or [self._chosen])
        return self._same()

    def _new(self) -> str:
        return quoted(self._random.choice(NAMES))

    def _same(self) -> str:
        return ".".join(map(quoted, self._chosen))

    def _other(self) -> str:
        found = rows(self._connection, WORDS["table"]) or [self._chosen]
        return ".".join(map(quoted, self._random.choice(found)))

    def _schema(self) -> str:
        found = [name for (name,) in rows(self._connection, "show databases")]
        return quoted(self._random.choice([n for n in found if n not in (*SYSTEM, "still")]))

    def _column(self) -> str:
        found = rows(self._connection, f"describe table {self._same()}")
        return quoted(self._random.choice(found)[0])

    def _comment(self) -> str:
        return self._random.choice(("''", "'said'", "'it\\'s \\n\\\\ %s :x 😀'"))


def rows(connection: Any, statement: str) -> list[list[Any]]:
    """The rows of a statement."""
    answer = connection.query(statement, "JSONCompactEachRow").bytes().decode()
    return [json.loads(line) for line in answer.splitlines()]


def connected(folder: Path) -> Any:
    """A connection to the folder, whose databases are all taken away when it is a new game."""
    import chdb

    return closing(chdb.connect(str(folder)))


def settle(folder: Path) -> None:
    """Lay out what every game begins with, in place of what the last one left."""
    with connected(folder) as connection:
        for (name,) in rows(connection, "show databases"):
            if name not in (*SYSTEM, "default"):
                connection.query(f"drop database {quoted(name)}")
        for (name,) in rows(connection, "show tables from default"):
            connection.query(f"drop table default.{quoted(name)}")
        for statement in SEED:
            connection.query(statement)


def play(folder: Path, random: Random) -> list[str]:
    """Run a few random statements; those that came to something."""
    with connected(folder) as connection:
        moves = [change(connection, random) for _ in range(random.randint(1, 8))]
    return [statement for statement in moves if statement]


def change(connection: Any, random: Random) -> str | None:
    """Run one random statement, or several; None if nothing came of it."""
    try:
        statement = random.choice(STATEMENTS).format_map(Words(connection, random))
        for part in statement.split("; "):
            connection.query(part)
    except RuntimeError:
        return None
    return statement


Picture = dict[str, dict[Any, Any]]


def differing(folder: Path, state: Mapping[str, pl.LazyFrame]) -> dict[str, Any]:
    """By kind of object, what a state says otherwise than ``show`` and ``describe``."""
    true, ours = picture(folder), pictured(state)
    return {
        kind: {
            key: (true[kind].get(key), ours[kind].get(key))
            for key in true[kind].keys() | ours[kind].keys()
            if true[kind].get(key) != ours[kind].get(key)
        }
        for kind in true
        if true[kind] != ours[kind]
    }


def picture(folder: Path) -> Picture:
    """What ClickHouse's own commands say."""
    found: Picture = {"schemas": {}, "columns": {}}
    with connected(folder) as connection:
        for (schema,) in rows(connection, "show databases"):
            if schema in SYSTEM:
                continue
            found["schemas"][schema] = True
            for (table,) in rows(connection, f"show tables from {quoted(schema)}"):
                if table.startswith(".inner"):
                    continue
                relation = f"{quoted(schema)}.{quoted(table)}"
                described = rows(connection, f"describe table {relation} {ONE_LINE}")
                for place, (name, kind, default, expression, comment, *_) in enumerate(described):
                    found["columns"][(schema, table, name)] = (
                        place + 1,
                        kind,
                        expression or None,
                        comment or None,
                        default in ("ALIAS", "MATERIALIZED"),
                    )
    return found


def pictured(state: Mapping[str, pl.LazyFrame]) -> Picture:
    """A state in the same terms."""
    key = ("schema", "table", "column")
    told = ("ordinal", "data_type", "default", "comment", "is_generated")
    columns = state["columns"].select(*key, *told).collect()
    schemas = state["schemas"].select("schema").collect()["schema"]
    return {
        "schemas": dict.fromkeys(schemas, True),
        "columns": {row[:3]: row[3:] for row in columns.rows()},
    }
