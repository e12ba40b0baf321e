"""Random DDL on an SQLite file, as ``ddl`` has it for PostgreSQL.

The table ``still`` is never touched.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

from tests.ddl import NAMES
from tests.sources import quoted

SEED = """
    create table still (id integer primary key, note text);
    create table product (id integer primary key, name varchar(20) not null default 'pen');
    create table sale (id integer primary key, product integer references product (id), note text);
    create view offer as select * from product; create view sold as select * from offer, sale;
"""
STATEMENTS = """
create table {new} (id integer primary key, {new} text)
create table {new} ({new} varchar(20) not null default 'x', {new} numeric, primary key (1))
create table {new} (a integer, b text, primary key (a, b)) without rowid
create table {new} (a integer, {new} integer generated always as (a * 2) stored, unique (a))
create table {new} (a integer, {new} text generated always as (a || '%s :x') virtual)
create table {new} (a integer references {table} (id), {new} text default (1 + 1))
create table {new} as select * from {relation}
drop table {table}
drop table {table}; create table {same} (id integer, note text, more blob)
drop table {table}; create table {same} (id integer, note text, more blob)
alter table {table} rename to {new}
alter table {table} rename to swap; alter table {other} rename to {same}; {swapped}
alter table {table} add column {new} integer default 7
alter table {table} add column {new}
alter table {table} rename column {column} to {new}
alter table {table} drop column {column}
create view {new} as select * from {relation}
create view {new} as select id as {new}, 1 + 1 from {table}
drop view {view}
drop view {view}; create view {same} as select 1 as one
create index {new} on {table} ({column})
""".strip().splitlines()
OF_KIND = (
    "select name from sqlite_schema where type in ({}) and name not in ('still') order by name"
)
WORDS = {
    "table": OF_KIND.format("'table'"),
    "view": OF_KIND.format("'view'"),
    "relation": OF_KIND.format("'table', 'view'"),
    "other": OF_KIND.format("'table'"),
}


class Words:
    """What the words of a statement stand for; {same} is the name chosen before."""

    def __init__(self, connection: sqlite3.Connection, random: Random) -> None:
        self._connection = connection
        self._random = random
        self._chosen = {"same": "", "that": ""}

    def __getitem__(self, word: str) -> str:
        if word == "new":
            return quoted(self._random.choice(NAMES))
        if word == "swapped":
            return f"alter table swap rename to {quoted(self._chosen['that'])}"
        if word in self._chosen:
            return quoted(self._chosen[word])
        name = self._random.choice(self._found(word))
        if word != "column":
            self._chosen["that" if word == "other" else "same"] = name
        return quoted(name)

    def _found(self, word: str) -> list[str]:
        if word == "column":
            query = "select name from pragma_table_info(?) order by name"
            found = self._connection.execute(query, (self._chosen["same"],))
        else:
            found = self._connection.execute(WORDS[word])
        # Nothing of that name exists where there is nothing to choose from.
        return [name for (name,) in found] or ["nothing"]


def play_in_file(connection: sqlite3.Connection, random: Random) -> list[str]:
    """Run a few random statements; those that came to something."""
    moves = (change(connection, random) for _ in range(random.randint(1, 6)))
    return [statement for statement in moves if statement]


def change(connection: sqlite3.Connection, random: Random) -> str | None:
    """Run one random statement, or several as one; None if nothing came of it."""
    statement = random.choice(STATEMENTS).format_map(Words(connection, random))
    connection.execute("begin")
    try:
        for part in statement.split("; "):
            connection.execute(part)
    except sqlite3.Error:
        connection.execute("rollback")
        return None
    connection.execute("commit")
    return statement


@contextmanager
def sqlite_player(file: Path) -> Iterator[sqlite3.Connection]:
    """A session for DDL in a new file."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.executescript(SEED)
        yield connection
