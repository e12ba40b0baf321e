"""A schema of a database's owner in which everything that we ask for has a double.

Functions, aggregates, operators, types, casts and relations of the names that our SQL files, the
driver and SQLAlchemy use; whichever is used counts, or fails where counting is not permitted.
"""

import re
from collections.abc import Iterator

import psycopg

from incremental_resources.source.dialects.postgresql.dialect import DIALECT
from tests.sources import sql_files

SCHEMA = "evil"
PATH = f"{SCHEMA}, pg_catalog"
OURS = "-c search_path=pg_catalog"
# Of what psycopg and SQLAlchemy ask when they connect.
DRIVERS = "version current_schema to_regtype pg_type pg_namespace name oid"
# How a type of the grammar is called in the catalog.
SPELLED = "bool int2 int4 int8 numeric bpchar bit varbit timestamptz"

COUNTING = (
    f"create schema {SCHEMA}",
    f"create table {SCHEMA}.word (word name)",
    f"create sequence {SCHEMA}.calls",
    f"create function {SCHEMA}.called() returns boolean language plpgsql as "
    f"$$ begin perform pg_catalog.nextval('{SCHEMA}.calls'); return true; end $$",
    # What has arguments of any number and type, which only C functions may have.
    f"create function {SCHEMA}.concat_ws(text, variadic text[]) returns text language sql "
    f"as 'select {SCHEMA}.called()::text'",
    f"create function {SCHEMA}.state(bigint) returns bigint language sql "
    f"as 'select {SCHEMA}.called()::integer::bigint'",
    f"create aggregate {SCHEMA}.count(*) (sfunc = {SCHEMA}.state, stype = bigint)",
    f"create type {SCHEMA}.mine as (a integer)",
    f"grant usage on schema {SCHEMA} to public",
    f"grant usage, select on sequence {SCHEMA}.calls to public",
)
ONLY_IN_C = (
    psycopg.errors.InvalidFunctionDefinition,
    psycopg.errors.FeatureNotSupported,
    psycopg.errors.DatatypeMismatch,
)
DOUBLES = {
    "functions": """
        select format(
            'create function evil.%I(%s) returns %s language plpgsql '
            'as $b$ begin perform evil.called(); %s end $b$',
            proname,
            pg_get_function_identity_arguments(oid),
            pg_get_function_result(oid),
            case when proretset or 'o' = any(proargmodes) then 'return;' else 'return null;' end
        )
        from pg_proc
        where pronamespace = 'pg_catalog'::regnamespace
            and prokind = 'f'
            and proname = any(array(select word from evil.word))
    """,
    "aggregates": """
        select format(
            'create function evil.state_%s(%s) returns %s language plpgsql '
            'as $b$ begin perform evil.called(); return null; end $b$; '
            'create aggregate evil.%I(%s) (sfunc = evil.state_%s, stype = %s)',
            p.oid,
            concat_ws(', ', p.prorettype::regtype, pg_get_function_identity_arguments(p.oid)),
            p.prorettype::regtype,
            p.proname,
            pg_get_function_identity_arguments(p.oid),
            p.oid,
            p.prorettype::regtype
        )
        from pg_proc as p
        where p.pronamespace = 'pg_catalog'::regnamespace
            and p.prokind = 'a'
            and p.pronargs > 0
            and p.proname = any(array(select word from evil.word))
    """,
    "operators": """
        select format(
            'create function evil.operator_%s(%s) returns %s language plpgsql '
            'as $b$ begin perform evil.called(); return null; end $b$; '
            'create operator evil.%s (function = evil.operator_%s, %s)',
            oid,
            concat_ws(', ', nullif(oprleft, 0)::regtype, oprright::regtype),
            oprresult::regtype,
            oprname,
            oid,
            concat_ws(
                ', ',
                'leftarg = ' || nullif(oprleft, 0)::regtype,
                'rightarg = ' || oprright::regtype
            )
        )
        from pg_operator
        where oprnamespace = 'pg_catalog'::regnamespace
            and oprname = any(array(select word from evil.word))
    """,
    "types": """
        select format(
            'create domain evil.%I as pg_catalog.%I check (evil.called())',
            typname,
            typname
        )
        from pg_type
        where typnamespace = 'pg_catalog'::regnamespace
            and typtype = 'b'
            and typname = any(array(select word from evil.word))
    """,
    "casts": """
        select format(
            'create function evil.from_%s(evil.mine) returns %s language plpgsql '
            'as $b$ begin perform evil.called(); return null; end $b$; '
            'create cast (evil.mine as %s) with function evil.from_%s(evil.mine) as implicit; '
            'create function evil.to_%s(%s) returns evil.mine language plpgsql '
            'as $b$ begin perform evil.called(); return null; end $b$; '
            'create cast (%s as evil.mine) with function evil.to_%s(%s) as implicit',
            oid, oid::regtype, oid::regtype, oid, oid, oid::regtype, oid::regtype, oid, oid::regtype
        )
        from pg_type
        where typnamespace = 'pg_catalog'::regnamespace
            and typtype = 'b'
            and typname = any(array(select word from evil.word))
    """,
    "relations": """
        select format(
            'create view evil.%I as select %s from pg_catalog.%I where evil.called()',
            relname,
            (
                select string_agg(quote_ident(attname), ', ')
                from pg_attribute
                where attrelid = pg_class.oid
                    and attnum > 0
                    and atttypid <> 'anyarray'::regtype
            ),
            relname
        )
        from pg_class
        where relnamespace = 'pg_catalog'::regnamespace
            and relkind in ('r', 'v')
            and relname = any(array(select word from evil.word))
    """,
}


def words() -> list[str]:
    """Every word and every operator of our SQL files, and what is said in other words there."""
    text = re.sub(r"--.*", "", "\n".join(sql_files(DIALECT).values()))
    found = re.findall(r"[a-z_0-9]+|[-+*/<>=~!@#%^&|`?]+", text)
    return sorted({*found, *DRIVERS.split(), *SPELLED.split()})


def make_doubles(url: str) -> dict[str, list[str]]:
    """Fill the database with doubles; the statements that made them, by kind.

    What has an argument that only C functions may have is left out.
    """
    with psycopg.connect(url, autocommit=True, options=OURS) as connection:
        for statement in COUNTING:
            connection.execute(statement)
        connection.cursor().executemany(
            f"insert into {SCHEMA}.word values (%s)", [(word,) for word in words()]
        )
        return {kind: list(_made(connection, kind)) for kind in DOUBLES}


def _made(connection: psycopg.Connection, kind: str) -> Iterator[str]:
    for (statement,) in connection.execute(DOUBLES[kind]).fetchall():
        try:
            connection.execute(statement)
        except ONLY_IN_C:
            continue
        yield statement


def calls(url: str) -> int:
    """How often a double was used."""
    with psycopg.connect(url, options=OURS) as connection:
        row = connection.execute(
            f"select case when is_called then last_value else 0 end from {SCHEMA}.calls"
        ).fetchone()
    assert row
    return int(row[0])
