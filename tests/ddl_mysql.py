"""Random DDL on a live MariaDB or MySQL, as ``ddl`` has it for PostgreSQL.

The table ``still`` is never touched. What one of the two does not know it refuses, which is part of
the game.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pymysql
from sqlalchemy import make_url

from tests.ddl import NAMES
from tests.mysql_server import connected
from tests.sources import UNFIT, quoted

# The oracle reads `show create table` line by line.
FIT = [name for name in NAMES if not UNFIT.search(name) and "\n" not in name]
SEED = """
create table still (id integer primary key, note text)
create table product (id integer primary key, name varchar(20) not null default 'pen')
create table sale (id integer primary key, product integer references product (id), note text)
create view offer as select * from product
create view sold as select s.id, p.name from sale s join product p on p.id = s.product
create function total(a integer) returns integer deterministic return a
""".strip().splitlines()
STATEMENTS = """
create table {new} (id integer primary key auto_increment, {new} text)
create table {new} ({new} varchar(20) not null default 'x', {new} decimal(10, 2), primary key (1))
create table {new} (a integer, {new} integer generated always as (a * 2) stored, unique (a))
create table {new} (a integer not null unique, {new} varchar(9) as (concat(a, '%s :x')) virtual)
create table {new} (a integer, {new} integer, foreign key (a) references {table} (id))
create table {new} (a integer default 7, {new} timestamp default now() on update now())
create table {new} (id integer) comment 'it''s %s :x é'
create table {new} (id integer, {new} {type}) partition by hash (id) partitions 3
create table {new} like {table}
create table {new} as select * from {relation}
create or replace table {table} (id integer primary key, note text)
drop table {table}
drop table {table}; create table {same} (id integer, note text, more blob)
drop table {table}; create table {same} (id integer, note text, more blob)
alter table {table} rename to {new}
rename table {table} to swap, {other} to {same}, swap to {that}
alter table {table} add column {new} {type} default 7
alter table {table} add column {new} {type} first
alter table {table} add column {new} {type} default {default} comment {comment}
alter table {table} add column {new} {type} after {column}, add column {new} {type}
alter table {table} rename column {column} to {new}
alter table {table} change column {column} {new} {type} not null
alter table {table} modify column {column} {type}
alter table {table} modify column {column} {type} default {default} first
alter table {table} modify column {column} {type} comment {comment}
alter table {table} modify column {column} {type} not null default {default}
alter table {table} alter column {column} set default 5
alter table {table} alter column {column} drop default
alter table {table} drop column {column}
alter table {table} comment {comment}
alter table {table} add primary key ({column})
alter table {table} drop primary key
alter table {table} add unique key ({column})
alter table {table} add constraint {new} foreign key ({column}) references {other} (id)
alter table {table} add constraint k2 foreign key ({column}) references {other} (id)
alter table {table} drop foreign key k2
alter table {table} convert to character set latin1
alter table {table} convert to character set utf8mb4 collate utf8mb4_bin
alter table {table} default character set latin1
alter table {table} engine=innodb
alter table {table} engine=myisam
alter table {table} partition by key (id) partitions 2
alter table {table} remove partitioning
alter table {table} add system versioning
alter table {table} drop system versioning
create index {new} on {table} ({column})
truncate table {table}
analyze table {table}
insert into {table} (id) values (1), (2), (3)
create view {new} as select * from {relation}
create view {new} as select {column_of} as {new}, 1 + 1 as two from {that}
create or replace view {view} as select * from {relation}
create or replace view {view} as select 1 as one, 'x' as {new}
create definer = nobody view {new} as select * from {relation}
alter view {view} as select * from {relation}
drop view {view}
drop view {view}; create table {same} (id integer)
create sequence {new}
create function {new}(a integer, {new} varchar(5)) returns varchar(9) deterministic return 'x'
create procedure {new}(in a integer, out {new} decimal(5, 2)) begin end
drop function {function}
drop function {function}; create function {same}(a text) returns text deterministic return a
alter function {function} comment {comment}
drop procedure {procedure}
alter procedure {procedure} comment {comment} sql security invoker
alter database character set latin1
alter database comment {comment}
""".strip().splitlines()
TYPES = (
    *("integer", "bigint unsigned", "varchar(20)", "char(3)", "decimal(10, 2)", "double", "text"),
    *("varchar(7) character set latin1", "enum('a', 'it''s')", "set('x', 'y')", "json", "bit(4)"),
    *("timestamp(3)", "datetime", "date", "varbinary(9)", "tinyint(1)", "int zerofill", "blob"),
)
DEFAULTS = (
    *("1", "null", "'x'", "'it''s'", "'NULL'", "'a\\\\b'", "now()", "current_timestamp(3)"),
    *("(1 + 1)", "(concat('a', 'b'))", "b'101'", "x'61'", "'2026-01-31'", "(uuid())", "'%s:x'"),
)
COMMENTS = ("''", "'said'", "'it''s \\n %s :x é'")
OF_KIND = """
    select table_name from information_schema.tables
    where table_schema = database() and table_type in ({}) and table_name <> 'still'
"""
ROUTINES = """
    select routine_name from information_schema.routines
    where routine_schema = database() and routine_type = '{}'
"""
TABLES = "'BASE TABLE', 'SYSTEM VERSIONED'"
WORDS = {
    "table": OF_KIND.format(TABLES),
    "other": OF_KIND.format(TABLES),
    "view": OF_KIND.format("'VIEW'"),
    "relation": OF_KIND.format(f"{TABLES}, 'VIEW'"),
    "function": ROUTINES.format("FUNCTION"),
    "procedure": ROUTINES.format("PROCEDURE"),
    "column": "select column_name from information_schema.columns "
    "where table_schema = database() and table_name = %s",
}
PLAIN = {"type": TYPES, "default": DEFAULTS, "comment": COMMENTS}


class Words:
    """What the words of a statement stand for; {same} is the name chosen first, {that} another."""

    def __init__(self, cursor: Any, random: Random) -> None:
        self._cursor = cursor
        self._random = random
        self._chosen = {"same": "", "that": ""}

    def __getitem__(self, word: str) -> str:
        if word in PLAIN:
            return self._random.choice(PLAIN[word])
        if word == "new":
            return quoted(self._random.choice(FIT))
        if word == "column_of":
            _ = self["other"]
            return quoted(self._name("column", self._chosen["that"]))
        if word in self._chosen:
            return quoted(self._chosen[word])
        if word == "column":
            return quoted(self._name(word, self._chosen["same"]))
        name = self._name(word)
        self._chosen["that" if word == "other" else "same"] = name
        return quoted(name)

    def _name(self, word: str, *of: str) -> str:
        self._cursor.execute(WORDS[word], of or None)
        # Nothing of that name exists where there is nothing to choose from.
        found = sorted(name for (name,) in self._cursor.fetchall())
        return self._random.choice(found or ["nothing"])


def play_mysql(cursor: Any, random: Random) -> list[str]:
    """Run some random statements; those that came to something."""
    moves = (change(cursor, random) for _ in range(random.randint(3, 12)))
    return [statement for statement in moves if statement]


def change(cursor: Any, random: Random) -> str | None:
    """Run one random statement, or several; None if nothing came of it."""
    statement = random.choice(STATEMENTS).format_map(Words(cursor, random))
    done = []
    for part in statement.split("; "):
        try:
            cursor.execute(part)
            done.append(part)
        except pymysql.Error:
            break
    return "; ".join(done) or None


@contextmanager
def mysql_player(url: str) -> Iterator[Any]:
    """A session for DDL in the database of ``url``, made anew."""
    name = quoted(str(make_url(url).database))
    with connected(url) as cursor:
        cursor.execute(f"drop database {name}")
        cursor.execute(f"create database {name}")
        cursor.execute(f"use {name}")
        for statement in SEED:
            cursor.execute(statement)
        yield cursor
