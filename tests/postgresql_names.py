"""DDL for PostgreSQL that renames what others print, and DDL that changes nothing printed.

What it must move, and what not, is asserted in ``contract/test_postgresql_tokens.py``.
"""

# Names that other objects print: the column is (setup), then the name changes under it.
NAMED_IN_COLUMNS: dict[str, tuple[tuple[str, ...], str]] = {
    "type renamed": (("alter table t add m mood",), "alter type mood rename to temper"),
    "type moved": (("alter table t add m mood",), "alter type mood set schema there"),
    "type's schema renamed": (
        ("create type there.size as enum ('s')", "alter table t add m there.size"),
        "alter schema there rename to elsewhere",
    ),
    "array's element renamed": (
        ("alter table t add m mood[]",),
        "alter type mood rename to temper",
    ),
    "array's element moved": (("alter table t add m mood[]",), "alter type mood set schema there"),
    "domain renamed": (
        ("create domain size as integer", "alter table t add m size"),
        "alter domain size rename to measure",
    ),
    "domain moved": (
        ("create domain size as integer", "alter table t add m size"),
        "alter domain size set schema there",
    ),
    "composite type renamed": (
        ("create type pair as (a integer, b integer)", "alter table t add m pair"),
        "alter type pair rename to couple",
    ),
    "range type renamed": (
        ("create type span as range (subtype = integer)", "alter table t add m span"),
        "alter type span rename to stretch",
    ),
    "row type renamed": (("alter table t add m parent",), "alter table parent rename to guardian"),
    "row type's array renamed": (
        ("alter table t add m parent[]",),
        "alter table parent rename to guardian",
    ),
    "type of a view's column renamed": (
        ("create view w as select 'sad'::mood as m",),
        "alter type mood rename to temper",
    ),
    "label in default": (
        ("alter table t add m mood default 'sad'",),
        "alter type mood rename value 'sad' to 'blue'",
    ),
    "label in array default": (
        ("alter table t add m mood[] default '{sad}'",),
        "alter type mood rename value 'sad' to 'blue'",
    ),
    "label in domain default": (
        ("create domain humour as mood", "alter table t add m humour default 'sad'"),
        "alter type mood rename value 'sad' to 'blue'",
    ),
    "label in generated column": (
        ("alter table t add m boolean generated always as ('sad'::mood < 'happy'::mood) stored",),
        "alter type mood rename value 'sad' to 'blue'",
    ),
    "type in default": (
        ("alter table t add m text default ('sad'::mood)::text",),
        "alter type mood rename to temper",
    ),
    "function in default": (
        ("alter table t add m integer default f(1)",),
        "alter function f rename to g",
    ),
    "function in default moved": (
        ("alter table t add m integer default f(1)",),
        "alter function f set schema there",
    ),
    "function's schema in default": (
        (
            "create function there.one() returns integer language sql return 1",
            "alter table t add m integer default there.one()",
        ),
        "alter schema there rename to elsewhere",
    ),
    "function in generated column": (
        ("alter table t add m integer generated always as (f(b)) stored",),
        "alter function f rename to g",
    ),
    "sequence in default": (
        ("alter table t add m serial",),
        "alter sequence t_m_seq rename to counter",
    ),
    "sequence in default moved": (
        ("create sequence counter", "alter table t add m integer default nextval('counter')"),
        "alter sequence counter set schema there",
    ),
    "sequence's schema in default": (
        (
            "create sequence there.counter",
            "alter table t add m integer default nextval('there.counter')",
        ),
        "alter schema there rename to elsewhere",
    ),
    "operator in default moved": (
        (
            "create operator @@@ (function = int4pl, leftarg = integer, rightarg = integer)",
            "alter table t add m integer default (1 @@@ 2)",
        ),
        "alter operator @@@ (integer, integer) set schema there",
    ),
    "search configuration in generated column": (
        (
            "create text search configuration english2 (copy = pg_catalog.english)",
            "alter table t add m tsvector generated always as (to_tsvector('english2', a)) stored",
        ),
        "alter text search configuration english2 rename to german",
    ),
    "collation renamed": (
        ('create collation sorting from "C"', "alter table t add m text collate sorting"),
        "alter collation sorting rename to order_of_mine",
    ),
    "collation moved": (
        ('create collation sorting from "C"', "alter table t add m text collate sorting"),
        "alter collation sorting set schema there",
    ),
    "collation's schema renamed": (
        (
            'create collation there.sorting from "C"',
            "alter table t add m text collate there.sorting",
        ),
        "alter schema there rename to elsewhere",
    ),
    **{
        f"{what} in default's array": (
            (f"alter table t add m {kind}[] default '{{{name}}}'",),
            rename,
        )
        for what, kind, name, rename in (
            ("relation", "regclass", "here.parent", "alter table parent rename to guardian"),
            ("moved relation", "regclass", "here.parent", "alter table parent set schema there"),
            ("type", "regtype", "here.mood", "alter type mood rename to temper"),
            ("function", "regproc", "here.f", "alter function f rename to g"),
            ("signature", "regprocedure", "here.f(integer)", "alter function f rename to g"),
            ("schema", "regnamespace", "there", "alter schema there rename to elsewhere"),
        )
    },
    "role in default's array": (
        ("create role matrix_owner", "alter table t add m regrole[] default '{matrix_owner}'"),
        "alter role matrix_owner rename to matrix_heir",
    ),
    "role in default's access list": (
        (
            "create role matrix_owner",
            "alter table t add m aclitem default 'matrix_owner=r/postgres'",
        ),
        "alter role matrix_owner rename to matrix_heir",
    ),
    "index in default": (
        ("create index i on parent (name)", "alter table t add m regclass default 'here.i'"),
        "alter index i rename to j",
    ),
    "partitioned index in default": (
        (
            "create table q (k integer) partition by list (k)",
            "create index i on q (k)",
            "alter table t add m regclass default 'here.i'",
        ),
        "alter index i rename to j",
    ),
    "collation in default": (
        (
            'create collation sorting from "C"',
            "alter table t add m boolean default ('a' collate sorting < 'b')",
        ),
        "alter collation sorting rename to order_of_mine",
    ),
}

# Nothing that is printed changes. False: it moves all the same, which costs a look and no more.
# name: (what is there before, what is done, token stays, probe stays)
NO_CHANGES: dict[str, tuple[tuple[str, ...], tuple[str, ...], bool, bool]] = {
    "analyze": (("insert into t values (1, 'x', 1)",), ("analyze t",), True, True),
    "vacuum": (("delete from t",), ("vacuum t",), True, True),
    "vacuum freeze": ((), ("vacuum (freeze) t",), True, True),
    "vacuum and analyze all": ((), ("vacuum (analyze)",), True, True),
    "rows": (
        ("insert into t values (1, 'x', 1)",),
        ("insert into t values (2, 'y', 2)", "update t set b = 3", "delete from t"),
        True,
        True,
    ),
    "next value": (("create sequence counter",), ("select nextval('counter')",), True, True),
    "rolled back": ((), ("begin", "alter table t add z integer", "rollback"), True, True),
    "temporary table": (
        (),
        ("create temporary table n (id serial primary key, m mood default 'sad', a text)",),
        True,
        True,
    ),
    "temporary view": ((), ("create temporary view w as select 1 as one",), True, True),
    "another role": ((), ("create role matrix_owner", "drop role matrix_owner"), True, True),
    "another database": ((), ("create database passing", "drop database passing"), True, True),
    "comment on another database": (
        (),
        ("comment on database postgres is 'one'", "comment on database postgres is null"),
        True,
        True,
    ),
    "create index": ((), ("create index on parent (name)",), True, False),
    "drop index": (("create index i on parent (name)",), ("drop index i",), True, False),
    "add a label": ((), ("alter type mood add value 'calm'",), True, False),
    "grant on a function": ((), ("grant execute on function f to public",), True, False),
    "grant on a table": ((), ("grant select on t to public",), False, False),
    "grant on a column": ((), ("grant select (a) on t to public",), False, False),
    "truncate": (("insert into t values (1, 'x', 1)",), ("truncate t",), False, False),
    "vacuum full": ((), ("vacuum full t",), False, False),
    "unlogged": ((), ("alter table t set unlogged",), False, False),
    "fillfactor": ((), ("alter table t set (fillfactor = 70)",), False, False),
    "statistics": ((), ("alter table t alter b set statistics 7",), False, False),
    "same view again": ((), ("create or replace view v as select id, a from t",), False, False),
    "refresh": (
        ("create materialized view w as select 1 as one",),
        ("refresh materialized view w",),
        False,
        False,
    ),
}
