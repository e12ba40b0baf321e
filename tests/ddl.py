"""Random DDL on a live PostgreSQL: every kind of statement that changes what is listed.

Statements name what the catalogue holds at that moment, so that most of them work. Those that the
server refuses change nothing and are part of the game. The schema ``still`` is never touched.
"""

from contextlib import nullcontext
from pathlib import Path
from random import Random

import psycopg
from psycopg.rows import scalar_row

from tests.sources import quoted

NAMES = (
    *("a", "b", "c", "d", "e", "f", "Mi.Xed", 'quo"te', "apo'strophe", "new\nline", "per%cent"),
    *(":colon", "%(name)s", "back\\slash", "sla/sh", "{brace}", "emoji 😀", "select"),
)
BUILT_IN_TYPES = (
    *("integer", "bigint", "text", "varchar(20)", "varchar", "char(3)", "numeric(10, 2)"),
    *("numeric", "numeric(5, -2)", "timestamptz(3)", "interval day to second", "jsonb", "bit(4)"),
    *("integer[]", "text[][]", "double precision", "boolean", "oid", "regclass", "date"),
)
DEFAULTS = (
    *("1", "null", "'x'", "now()", "'2026-01-31 12:00+02'::timestamptz", "'{}'", "-1.5"),
    *("array[1, 2]", "'a''b%c:d'", "'1 day 02:00'::interval", "current_date", "'\\x00'::bytea"),
)

HERE = Path(__file__).parent / "laws"
SEED = (HERE / "seed.sql").read_text()
# A word in braces is replaced by something that exists, {new} by a name, {type}, {default} and
# {comment} by what they say; {column} and {constraint} are of the relation named before them.
STATEMENTS = (HERE / "statements.txt").read_text().splitlines()

RELATIONS = """
    select quote_ident(n.nspname) || '.' || quote_ident(c.relname)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'still')
        and c.relpersistence <> 't' and c.relkind in ({})
"""
IN_SCHEMA = """
    select quote_ident(n.nspname) || '.' || quote_ident(o.{name}) from {catalog} o
    join pg_namespace n on n.oid = o.{schema}
    where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'still') and {where}
"""


def typed(kinds: str) -> str:
    """The query for types of these kinds; row types of tables and arrays are not named."""
    where = f"""typtype in ({kinds}) and typelem = 0 and (
        typrelid = 0 or 'c' = (select relkind from pg_class where oid = typrelid))"""
    return IN_SCHEMA.format(name="typname", catalog="pg_type", schema="typnamespace", where=where)


def literal(query: str, kind: str) -> str:
    """The query for constants that name what ``query`` finds."""
    return f"select quote_literal(x) || '::{kind}' from ({query}) as found(x)"


TYPES = typed("'e', 'c', 'd', 'r'")
ROUTINES = """
    select cast(o.oid as regprocedure)::text from pg_proc o
    join pg_namespace n on n.oid = o.pronamespace
    where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'still')
"""
SCHEMAS = """
    select quote_ident(nspname) from pg_namespace
    where nspname !~ '^pg_' and nspname not in ('information_schema', 'still')
"""
TS_CONFIGS = IN_SCHEMA.format(
    name="cfgname", catalog="pg_ts_config", schema="cfgnamespace", where="true"
)
# What a word can stand for: %(last)s is the relation, %(type)s the type named before.
WORDS = {
    "schema": SCHEMAS,
    "table": RELATIONS.format("'r', 'p'"),
    "relation": RELATIONS.format("'r', 'p', 'v', 'm', 'f'"),
    "partitioned": RELATIONS.format("'p'"),
    "view": RELATIONS.format("'v'"),
    "matview": RELATIONS.format("'m'"),
    "foreign": RELATIONS.format("'f'"),
    "child": RELATIONS.format("'r'")
    + " and exists (select from pg_inherits where inhrelid = c.oid)",
    "neighbour": RELATIONS.format("'r', 'p', 'v', 'm', 'f'")
    + """ and c.oid <> cast(%(last)s as regclass) and n.oid = (
        select relnamespace from pg_class where oid = cast(%(last)s as regclass))""",
    "partition": "select inhrelid::regclass::text from pg_inherits "
    "where inhparent = cast(%(last)s as regclass)",
    "parent": "select inhparent::regclass::text from pg_inherits "
    "where inhrelid = cast(%(last)s as regclass)",
    "column": "select quote_ident(attname) from pg_attribute "
    "where attrelid = cast(%(last)s as regclass) and attnum > 0 and not attisdropped",
    "constraint": "select quote_ident(conname) from pg_constraint "
    "where conrelid = cast(%(last)s as regclass)",
    "definition": "select rtrim(pg_get_viewdef(cast(%(last)s as regclass)), ';')",
    "sequence": RELATIONS.format("'S'"),
    "function": ROUTINES,
    "function_name": IN_SCHEMA.format(
        name="proname", catalog="pg_proc", schema="pronamespace", where="prokind = 'f'"
    ),
    "type_name": TYPES,
    "enum": typed("'e'"),
    "composite": typed("'c'"),
    "domain": typed("'d'"),
    "label": "select quote_literal(enumlabel) from pg_enum "
    "where enumtypid = cast(%(type)s as regtype)",
    "collation": IN_SCHEMA.format(
        name="collname", catalog="pg_collation", schema="collnamespace", where="true"
    ),
    "operator": "select quote_ident(n.nspname) || '.' || oprname from pg_operator "
    "join pg_namespace n on n.oid = oprnamespace where nspname <> 'pg_catalog'",
    "ts_config_name": TS_CONFIGS,
    "ts_config": literal(TS_CONFIGS, "regconfig"),
    "regclass": literal(RELATIONS.format("'r', 'v'"), "regclass"),
    "regtype": literal(TYPES, "regtype"),
    "regprocedure": literal(ROUTINES, "regprocedure"),
    "regnamespace": literal(SCHEMAS, "regnamespace"),
    "role": "select rolname from pg_roles where rolname ~ '^law_'",
}
TYPED = ("enum", "composite", "domain", "type_name")
RELATED = (
    *("table", "relation", "partitioned", "view", "matview", "foreign", "child"),
    "composite",
)
DEPENDENT = ("neighbour", "column", "constraint", "partition", "parent", "definition", "label")


class NothingToName(Exception):
    """The catalogue holds nothing that the statement could name."""


class Words:
    """What the words of a statement stand for, each chosen anew every time it is asked for."""

    def __init__(self, connection: psycopg.Connection, random: Random) -> None:
        self._connection = connection
        self._random = random
        self._last: dict[str, str] = {}

    def __getitem__(self, word: str) -> str:
        special = getattr(self, f"_{word}", None)
        if special:
            return special()
        found = self._found(word)
        if word in RELATED:
            self._last["last"] = found
        if word in TYPED:
            self._last["type"] = found
        return found

    def _found(self, word: str) -> str:
        with self._connection.cursor(row_factory=scalar_row) as cursor:
            binds = self._last if word in DEPENDENT else None
            query = f'select x from ({WORDS[word]}) as found(x) order by x collate "C"'
            found = cursor.execute(query, binds).fetchall()
        if not found:
            raise NothingToName
        return self._random.choice(found)

    def _new(self) -> str:
        return quoted(self._random.choice(NAMES))

    def _new_role(self) -> str:
        return self._random.choice(("law_x", "law_y", "law_z"))

    def _type(self) -> str:
        own = self._random.random() < 0.3
        return self["type_name"] if own else self._random.choice(BUILT_IN_TYPES)

    def _default(self) -> str:
        return self._random.choice(DEFAULTS)

    def _comment(self) -> str:
        return self._random.choice(("null", "''", "'said'", "'it''s \n\\ %s :x 😀'"))

    def _new_label(self) -> str:
        return self._random.choice(("'sad'", "'x'", "'y'", "'z'", "'it''s'"))

    def _column_of(self) -> str:
        _ = self["relation"]
        return self["column"]

    def _that(self) -> str:
        return self._last["last"]

    def _enum_value(self) -> str:
        enum = self["enum"]
        return f"{self['label']}::{enum}"

    def _swapped_relations(self) -> str:
        one, other = self["relation"], self["neighbour"]
        schema, name, other_name = place(one)[0], place(one)[1], place(other)[1]
        return (
            f"alter table {one} rename to swap; alter table {other} rename to {name}; "
            f"alter table {schema}.swap rename to {other_name}"
        )

    def _swapped_schemas(self) -> str:
        one, other = self["schema"], self["schema"]
        return (
            f"alter schema {one} rename to swap; alter schema {other} rename to {one}; "
            f"alter schema swap rename to {other}"
        )

    def _recreated_table(self) -> str:
        table = self["table"]
        schema, name = place(table)
        return (
            f"create table {schema}.swap (like {table} including all); drop table {table} cascade; "
            f"alter table {schema}.swap rename to {name}"
        )

    def _recreated_view(self) -> str:
        view = self["view"]
        definition = self["definition"]
        return f"drop view {view} cascade; create view {view} as {definition}"


def place(qualified: str) -> tuple[str, str]:
    """Schema and name of a qualified name, each still quoted as it was."""
    inside = False
    for at, character in enumerate(qualified):
        inside ^= character == '"'
        if character == "." and not inside:
            return qualified[:at], qualified[at + 1 :]
    raise ValueError(qualified)


def clear(connection: psycopg.Connection) -> None:
    """Take away what a game left, its roles included."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        schemas = cursor.execute(SCHEMAS).fetchall()
        roles = cursor.execute(WORDS["role"]).fetchall()
    for schema in [*schemas, "still"]:
        connection.execute(f"drop schema if exists {schema} cascade")
    connection.execute("drop foreign data wrapper if exists nothing cascade")
    for role in roles:
        connection.execute(f"drop owned by {role}; drop role {role}")


def settle(connection: psycopg.Connection) -> None:
    """Lay out what every game begins with, in place of what the last one left."""
    clear(connection)
    connection.execute("create role law_x; create role law_y; create schema public")
    connection.execute(SEED)


def play(connection: psycopg.Connection, random: Random) -> list[str]:
    """Run some random statements, at times in one transaction; those that came to something."""
    moves = random.randint(4, 20)
    together = random.random() < 0.3
    with connection.transaction() if together else nullcontext():
        done = [change(connection, random) for _ in range(moves)]
    return [statement for statement in done if statement]


def change(connection: psycopg.Connection, random: Random) -> str | None:
    """Run one random statement; the statement, or None if nothing came of it."""
    template = random.choice(STATEMENTS)
    try:
        statement = template.format_map(Words(connection, random))
        with connection.transaction():
            connection.execute(statement)
    except (psycopg.Error, NothingToName):
        return None
    return statement
