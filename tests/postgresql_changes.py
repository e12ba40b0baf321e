"""DDL for PostgreSQL that changes what is printed of databases, schemas, tables, procedures.

What it must move is asserted in ``contract/test_postgresql_tokens.py``.
"""

BASE = (
    "create schema here",
    "create schema there",
    "set search_path = here",
    "create table parent (id integer primary key, name text)",
    "create table t (id integer, a varchar(10) default 'x', b integer not null, c numeric(10, 2), "
    "p integer)",
    "create view v as select id, a from t",
    "create function f(n integer) returns integer language sql immutable return n + 1",
    "create procedure r() language sql begin atomic select 1; end",
    "create type mood as enum ('sad', 'happy')",
)
AFTER = (
    "reset search_path",
    "drop schema if exists here, there, elsewhere cascade",
    "drop foreign data wrapper if exists w cascade",
    "drop role if exists matrix_owner, matrix_heir",
    "comment on database matrix is null",
)
OWNER = "create role matrix_owner"
PARTITIONED = "create table q (k integer) partition by list (k)"
FOREIGN = "create foreign data wrapper w"

# name: (what is there before, what is done)
REAL_CHANGES: dict[str, tuple[tuple[str, ...], str]] = {
    "create table": ((), "create table n (a integer)"),
    "create empty table": ((), "create table n ()"),
    "create table as": ((), "create table n as select 1 as one"),
    "drop table": ((), "drop table parent"),
    "rename table": ((), "alter table parent rename to guardian"),
    "set schema": ((), "alter table parent set schema there"),
    "table owner": ((OWNER,), "alter table t owner to matrix_owner"),
    "add column": ((), "alter table t add column z integer"),
    "add column with constant default": ((), "alter table t add column z integer default 7"),
    "rename column": ((), "alter table t rename column c to d"),
    "drop column": ((), "alter table t drop column c"),
    "change type with rewrite": ((), "alter table t alter b type bigint"),
    "change type without rewrite": (("drop view v",), "alter table t alter a type varchar(20)"),
    "change precision": ((), "alter table t alter c type numeric(12, 2)"),
    "change collation": ((), 'alter table parent alter name type text collate "C"'),
    "set default": ((), "alter table t alter b set default 1"),
    "change default": ((), "alter table t alter a set default 'y'"),
    "drop default": ((), "alter table t alter a drop default"),
    "set not null": ((), "alter table t alter c set not null"),
    "drop not null": ((), "alter table t alter b drop not null"),
    "add identity": ((), "alter table t alter b add generated always as identity"),
    "drop identity": (
        ("alter table t alter b add generated always as identity",),
        "alter table t alter b drop identity",
    ),
    "add generated column": ((), "alter table t add g integer generated always as (b * 2) stored"),
    "drop expression": (
        ("alter table t add g integer generated always as (b * 2) stored",),
        "alter table t alter g drop expression",
    ),
    "add primary key": ((), "alter table t add primary key (id)"),
    "add primary key on not null": ((), "alter table t add primary key (b)"),
    "drop primary key": ((), "alter table parent drop constraint parent_pkey"),
    "add foreign key": ((), "alter table t add foreign key (p) references parent"),
    "add second foreign key": (
        ("alter table t add foreign key (p) references parent",),
        "alter table t add foreign key (b) references parent",
    ),
    "drop foreign key": (
        ("alter table t add constraint to_parent foreign key (p) references parent",),
        "alter table t drop constraint to_parent",
    ),
    "drop target of foreign key": (
        ("alter table t add foreign key (p) references parent",),
        "drop table parent cascade",
    ),
    "rename target of foreign key": (
        ("alter table t add foreign key (p) references parent",),
        "alter table parent rename to guardian",
    ),
    "rename target column of foreign key": (
        ("alter table t add foreign key (p) references parent",),
        "alter table parent rename column id to number",
    ),
    "move target of foreign key": (
        ("alter table t add foreign key (p) references parent",),
        "alter table parent set schema there",
    ),
    "rename schema of foreign key's target": (
        (
            "alter table parent set schema there",
            "alter table t add foreign key (p) references there.parent",
        ),
        "alter schema there rename to elsewhere",
    ),
    "add check": ((), "alter table t add check (b > 0)"),
    "rename constraint": ((), "alter table parent rename constraint parent_pkey to pk"),
    "comment on table": ((), "comment on table t is 'one'"),
    "change comment on table": (
        ("comment on table t is 'one'",),
        "comment on table t is 'two'",
    ),
    "remove comment on table": (("comment on table t is 'one'",), "comment on table t is null"),
    "comment on column": ((), "comment on column t.a is 'one'"),
    "change comment on column": (
        ("comment on column t.a is 'one'",),
        "comment on column t.a is 'two'",
    ),
    "remove comment on column": (
        ("comment on column t.a is 'one'",),
        "comment on column t.a is null",
    ),
    "create schema": ((), "create schema elsewhere"),
    "drop schema": ((), "drop schema there"),
    "drop schema with its tables": (
        ("create table there.n (a integer)",),
        "drop schema there cascade",
    ),
    "rename schema": (
        ("create table there.n (a integer)",),
        "alter schema there rename to elsewhere",
    ),
    "comment on schema": ((), "comment on schema there is 'one'"),
    "remove comment on schema": (
        ("comment on schema there is 'one'",),
        "comment on schema there is null",
    ),
    "schema owner": ((OWNER,), "alter schema there owner to matrix_owner"),
    "rename owner": (
        (OWNER, "alter table t owner to matrix_owner"),
        "alter role matrix_owner rename to matrix_heir",
    ),
    "comment on database": ((), "comment on database matrix is 'one'"),
    "operator class renamed": (
        (
            "create operator class sorting for type integer using btree as operator 1 <, "
            "operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, "
            "function 1 btint4cmp(integer, integer)",
            "create table n (a integer)",
            "create unique index on n (a sorting)",
            "create function adding() returns void language sql begin atomic "
            "insert into n values (1) on conflict (a here.sorting) do nothing; end",
        ),
        "alter operator class sorting using btree rename to order_of_mine",
    ),
    "create view": ((), "create view w as select 1 as one"),
    "replace view with more columns": ((), "create or replace view v as select id, a, b from t"),
    "replace view with other rows": (
        (),
        "create or replace view v as select id, a from t where b > 1",
    ),
    "rename column of view": ((), "alter view v rename column a to z"),
    "default of view column": ((), "alter view v alter a set default 'z'"),
    "view's table renamed": ((), "alter table t rename to u"),
    "view's column renamed": ((), "alter table t rename column a to z"),
    "view's table moved": ((), "alter table t set schema there"),
    "view's schema renamed": (
        ("create table there.n (a integer)", "create view w as select a from there.n"),
        "alter schema there rename to elsewhere",
    ),
    "view's function renamed": (
        ("create view w as select f(1) as one",),
        "alter function f rename to g",
    ),
    "view's label renamed": (
        ("create view w as select 'sad'::mood as m",),
        "alter type mood rename value 'sad' to 'blue'",
    ),
    "create materialized view": ((), "create materialized view w as select 1 as one"),
    "rename column of materialized view": (
        ("create materialized view w as select 1 as one",),
        "alter materialized view w rename column one to uno",
    ),
    "create foreign table": (
        (FOREIGN, "create server far foreign data wrapper w"),
        "create foreign table n (a integer) server far",
    ),
    "add column to foreign table": (
        (
            FOREIGN,
            "create server far foreign data wrapper w",
            "create foreign table n (a integer) server far",
        ),
        "alter foreign table n add column b integer",
    ),
    "create partition": ((PARTITIONED,), "create table q1 partition of q for values in (1)"),
    "attach partition": (
        (PARTITIONED, "create table q1 (k integer)"),
        "alter table q attach partition q1 for values in (1)",
    ),
    "detach partition": (
        (PARTITIONED, "create table q1 partition of q for values in (1)"),
        "alter table q detach partition q1",
    ),
    "column of partitioned table": (
        (PARTITIONED, "create table q1 partition of q for values in (1)"),
        "alter table q add column z integer",
    ),
    "partitioned table renamed": (
        (PARTITIONED, "create table q1 partition of q for values in (1)"),
        "alter table q rename to qq",
    ),
    "create function": ((), "create function g() returns integer language sql return 1"),
    "replace function": (
        (),
        "create or replace function f(n integer) returns integer language sql return n + 2",
    ),
    "function becomes strict": ((), "alter function f strict"),
    "rename function": ((), "alter function f rename to g"),
    "move function": ((), "alter function f set schema there"),
    "function owner": ((OWNER,), "alter function f owner to matrix_owner"),
    "comment on function": ((), "comment on function f is 'one'"),
    "remove comment on function": (
        ("comment on function f is 'one'",),
        "comment on function f is null",
    ),
    "drop function": ((), "drop function f"),
    "drop procedure": ((), "drop procedure r"),
    "create aggregate": ((), "create aggregate s (integer) (sfunc = int4pl, stype = integer)"),
    "aggregate begins elsewhere": (
        ("create aggregate s (integer) (sfunc = int4pl, stype = integer, initcond = '0')",),
        "create or replace aggregate s (integer) (sfunc = int4pl, stype = integer, initcond = '1')",
    ),
    "aggregate's function renamed": (
        (
            "create function plus(integer, integer) returns integer language sql return $1 + $2",
            "create aggregate s (integer) (sfunc = plus, stype = integer)",
        ),
        "alter function plus rename to add_up",
    ),
    "function's table renamed": (
        ("create function n() returns integer language sql begin atomic select id from t; end",),
        "alter table t rename to u",
    ),
    "function's type renamed": (
        ("create function n(m mood) returns mood language sql return m",),
        "alter type mood rename to temper",
    ),
}
