"""Kinds of DDL on DuckDB, for ``ddl_matrix``."""

from tests.ddl_matrix import Matrix, case

BASE = (
    "create table p (id integer primary key, name varchar not null default 'pen')",
    "create table t (id integer primary key, a varchar default 'x', b integer not null, "
    "c decimal(10, 2))",
    "create view v as select id, a from t",
    "create view w as select * from p",
    "create macro f(n) as n + 1",
    "create schema s",
    "create type mood as enum ('sad')",
    "create table s.feeling (m mood default 'sad')",
)
MATRICES = {
    "duckdb": Matrix(
        BASE,
        {
            "create table": case("create table n (a integer)"),
            "create table as select": case("create table n as select 1 as one"),
            "drop table": case("drop table p"),
            "drop table and make it again, alike": case(
                "drop table n", "create table n (a integer)", after=("create table n (a integer)",)
            ),
            "replace table by another": case(
                "create or replace table n (b text)", after=("create table n (a integer)",)
            ),
            "rename table": case("alter table p rename to q"),
            "swap two tables": case(
                "alter table p rename to x",
                "alter table n rename to p",
                "alter table x rename to n",
                after=("create table n (a integer)",),
            ),
            "swap two tables and back": case(
                *("alter table p rename to x", "alter table n rename to p"),
                *("alter table x rename to n", "alter table p rename to x"),
                *("alter table n rename to p", "alter table x rename to n"),
                after=("create table n (a integer)",),
            ),
            "add column": case("alter table t add column z integer"),
            "add column that a view over * shows": case("alter table p add column z integer"),
            "add column and drop it": case(
                "alter table t add column z integer", "alter table t drop column z"
            ),
            "two changes within a second": case(
                "alter table t alter column z set data type bigint",
                after=("alter table t add column z integer",),
            ),
            "rename column": case("alter table t rename column c to d"),
            "drop column": case("alter table t drop column c"),
            "change type": case("alter table t alter column b set data type bigint"),
            "change precision": case("alter table t alter column c set data type decimal(12, 2)"),
            "set default": case("alter table t alter column b set default 1"),
            "drop default": case("alter table t alter column a drop default"),
            "set not null": case("alter table t alter column a set not null"),
            "drop not null": case("alter table t alter column b drop not null"),
            "add primary key": case(
                "alter table n add primary key (a)", after=("create table n (a integer)",)
            ),
            "make a foreign key": case(
                "create or replace table n (a integer references p (id))",
                after=("create table n (a integer)",),
            ),
            "make a generated column": case(
                "create or replace table n (a integer, b integer generated always as (a + 1))",
                after=("create table n (a integer, b integer)",),
            ),
            "a generated column by another expression": case(
                "create or replace table n (a integer, b integer generated always as (a + 2))",
                after=("create table n (a integer, b integer generated always as (a + 1))",),
            ),
            "comment on table": case("comment on table t is 'said'"),
            "comment on table taken away": case(
                "comment on table t is null", after=("comment on table t is 'said'",)
            ),
            "comment on column": case("comment on column t.a is 'said'"),
            "comment on column taken away": case(
                "comment on column t.a is null", after=("comment on column t.a is 'said'",)
            ),
            "comment on view": case("comment on view v is 'said'"),
            "comment on a view's column": case("comment on column v.a is 'said'"),
            "comment on macro": case("comment on macro f is 'said'"),
            "create view": case("create view n as select 1 as one"),
            "replace view": case("create or replace view v as select id from t"),
            "replace view by one with the same columns": case(
                "create or replace view v as select id, a from t where b > 1"
            ),
            "rename view": case("alter view v rename to n"),
            "drop view": case("drop view v"),
            "a view becomes a table": case("drop view v", "create table v (id integer, a text)"),
            "drop what a view reads": case("drop table t"),
            "create schema": case("create schema n"),
            "drop schema": case("drop schema s cascade"),
            "create macro": case("create macro g(n) as n"),
            "replace macro": case("create or replace macro f(n) as n + 2"),
            "a macro by more parameters": case("create or replace macro f(n, m) as n + m"),
            "drop macro": case("drop macro f"),
            "create type": case("create type n as enum ('x')"),
            "create sequence": case("create sequence n"),
            "create index": case("create index n on t (b)"),
            "insert": case("insert into p (id) values (1)"),
            "checkpoint": case("checkpoint"),
        },
    )
}
