"""A superuser's DDL for PostgreSQL that changes how what is built in is printed.

What it must move is asserted in ``contract/test_postgresql_tokens.py``.
"""

SYSTEM = "set allow_system_table_mods = on"
RENAME_PI = ("alter function pg_catalog.pi() rename to pie",)
RENAME_PIE = ("alter function pg_catalog.pie() rename to pi",)
RENAME_INET = ("alter type pg_catalog.inet rename to address",)
RENAME_ADDRESS = ("alter type pg_catalog.address rename to inet",)
RENAME_POSIX = ('alter collation pg_catalog."POSIX" rename to "LEGACY"',)
RENAME_LEGACY = ('alter collation pg_catalog."LEGACY" rename to "POSIX"',)
RENAME_SIMPLE = ("alter text search configuration pg_catalog.simple rename to plain",)
RENAME_PLAIN = ("alter text search configuration pg_catalog.plain rename to simple",)

Statements = tuple[str, ...]

# What columns print. name: (what is there before, what is done, what undoes it)
BUILT_IN_IN_COLUMNS: dict[str, tuple[Statements, Statements, Statements]] = {
    "function of the same name": (
        ("alter table t add m text default concat('a', 'b')",),
        (
            "create function pg_catalog.concat(text, text) returns text language sql immutable "
            "return $1",
        ),
        ("drop function pg_catalog.concat(text, text)",),
    ),
    "function moved to the same name": (
        (
            "alter table t add m text default concat('a', 'b')",
            "create function concat(text, text) returns text language sql immutable return $1",
        ),
        ("alter function concat(text, text) set schema pg_catalog",),
        ("drop function pg_catalog.concat(text, text)",),
    ),
    "function of the same name in generated column": (
        ("alter table t add m integer generated always as (num_nulls(b, c)) stored",),
        (
            "create function pg_catalog.num_nulls(integer, numeric) returns integer language sql "
            "immutable return 1",
        ),
        ("drop function pg_catalog.num_nulls(integer, numeric)",),
    ),
    "operator of the same name": (
        ("alter table t add m text default (1 || 'b'::text)",),
        (
            "create function joined(integer, text) returns text language sql return $2",
            "create operator pg_catalog.|| (function = joined, leftarg = integer, rightarg = text)",
        ),
        ("drop operator pg_catalog.|| (integer, text)",),
    ),
    "operator of the same name in generated column": (
        ("alter table t add m integer[] generated always as (array[b] || b) stored",),
        (
            "create function joined(integer[], integer) returns integer[] language sql return $1",
            "create operator pg_catalog.|| "
            "(function = joined, leftarg = integer[], rightarg = integer)",
        ),
        ("drop operator pg_catalog.|| (integer[], integer)",),
    ),
    "cast to a function of the same name": (
        (
            "create function pg_catalog.num_nulls(text) returns integer language sql return 1",
            "alter table t add m integer default num_nulls('sad'::mood)",
        ),
        ("create cast (mood as text) with inout as implicit",),
        ("drop function pg_catalog.num_nulls(text)",),
    ),
    "function": (
        ("alter table t add m double precision default pi()",),
        RENAME_PI,
        RENAME_PIE,
    ),
    "function in generated column": (
        ("alter table t add m integer generated always as (abs(b)) stored",),
        ("alter function pg_catalog.abs(integer) rename to absolute",),
        ("alter function pg_catalog.absolute(integer) rename to abs",),
    ),
    "type": (("alter table t add m inet",), RENAME_INET, RENAME_ADDRESS),
    "array's element": (("alter table t add m inet[]",), RENAME_INET, RENAME_ADDRESS),
    "type in default": (
        ("alter table t add m text default host('::1'::inet)",),
        RENAME_INET,
        RENAME_ADDRESS,
    ),
    "type in generated column": (
        ("alter table t add m boolean generated always as (b = masklen('::1'::inet)) stored",),
        RENAME_INET,
        RENAME_ADDRESS,
    ),
    "type of a view's column": (
        ("create view w as select cast(null as inet) as m",),
        RENAME_INET,
        RENAME_ADDRESS,
    ),
    "collation": (
        ('alter table t add m text collate "POSIX"',),
        RENAME_POSIX,
        RENAME_LEGACY,
    ),
    "collation in default": (
        ("alter table t add m boolean default ('a' collate \"POSIX\" < 'b')",),
        RENAME_POSIX,
        RENAME_LEGACY,
    ),
    "collation in generated column": (
        ("alter table t add m boolean generated always as (a collate \"POSIX\" < 'b') stored",),
        RENAME_POSIX,
        RENAME_LEGACY,
    ),
    "search configuration in generated column": (
        ("alter table t add m tsvector generated always as (to_tsvector('simple', a)) stored",),
        RENAME_SIMPLE,
        RENAME_PLAIN,
    ),
    "field in default": (
        ("alter table t add m name default (cast(null as pg_catalog.pg_ts_template)).tmplname",),
        (SYSTEM, "alter table pg_catalog.pg_ts_template rename tmplname to named"),
        ("alter table pg_catalog.pg_ts_template rename named to tmplname",),
    ),
    **{
        f"{kind} in {where}": ((column.format(constant=f"'{name}'::{kind}"),), change, undo)
        for where, column in (
            ("default", "alter table t add m text default {constant}::text"),
            (
                "generated column",
                "alter table t add m boolean generated always as (b::oid = {constant}) stored",
            ),
        )
        for kind, name, change, undo in (
            ("regproc", "pi", RENAME_PI, RENAME_PIE),
            ("regprocedure", "pi()", RENAME_PI, RENAME_PIE),
            ("regtype", "inet", RENAME_INET, RENAME_ADDRESS),
            ("regcollation", '"POSIX"', RENAME_POSIX, RENAME_LEGACY),
            ("regconfig", "simple", RENAME_SIMPLE, RENAME_PLAIN),
            (
                "regdictionary",
                "simple",
                ("alter text search dictionary pg_catalog.simple rename to plain",),
                ("alter text search dictionary pg_catalog.plain rename to simple",),
            ),
            (
                "regclass",
                "pg_ts_template",
                (SYSTEM, "alter table pg_catalog.pg_ts_template rename to pg_ts_model"),
                ("alter table pg_catalog.pg_ts_model rename to pg_ts_template",),
            ),
            (
                "regnamespace",
                "pg_toast",
                (SYSTEM, "alter schema pg_toast rename to pg_bread"),
                ("alter schema pg_bread rename to pg_toast",),
            ),
            (
                "regoper",
                "pg_catalog.^@",
                (
                    "create function begins(integer, text) returns boolean language sql "
                    "return true",
                    "create operator pg_catalog.^@ "
                    "(function = begins, leftarg = integer, rightarg = text)",
                ),
                ("drop operator pg_catalog.^@ (integer, text)",),
            ),
        )
    },
    "constant row of a built-in relation": (
        (
            "alter table t add m pg_aggregate "
            "default '(pi,n,0,-,-,-,-,-,-,-,-,f,f,r,r,0,0,0,0,0,,)'",
        ),
        RENAME_PI,
        RENAME_PIE,
    ),
    "constant range": (
        (
            "create type extent as range (subtype = regproc, subtype_opclass = oid_ops)",
            "alter table t add m extent default '[pi,]'",
        ),
        RENAME_PI,
        RENAME_PIE,
    ),
}

# What views and routines print.
BUILT_IN_IN_TEXTS: dict[str, tuple[Statements, Statements, Statements]] = {
    "view's function": (("create view w as select pi() as m",), RENAME_PI, RENAME_PIE),
    "view's function of the same name": (
        ("create view w as select concat(a, a) as m from t",),
        (
            "create function pg_catalog.concat(varchar, varchar) returns text language sql "
            "return $1",
        ),
        ("drop function pg_catalog.concat(varchar, varchar)",),
    ),
    "view's type": (("create view w as select '::1'::inet as m",), RENAME_INET, RENAME_ADDRESS),
    "routine's function": (
        ("create function g() returns float language sql begin atomic select pi(); end",),
        RENAME_PI,
        RENAME_PIE,
    ),
    "routine's default": (
        ("create function g(n float default pi()) returns float language sql return n",),
        RENAME_PI,
        RENAME_PIE,
    ),
    "routine's type": (
        ("create function g(n inet) returns inet language sql return n",),
        RENAME_INET,
        RENAME_ADDRESS,
    ),
    "aggregate's function": (
        ("create aggregate s (integer) (sfunc = int4larger, stype = integer)",),
        ("alter function pg_catalog.int4larger rename to int4taller",),
        ("alter function pg_catalog.int4taller rename to int4larger",),
    ),
    "routine's language": (
        ("create function g() returns integer language plpgsql as 'begin return 1; end'",),
        ("alter language plpgsql rename to procedural",),
        ("alter language procedural rename to plpgsql",),
    ),
}
