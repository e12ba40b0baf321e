"""A small database that changes in the same ways every time: its refreshes write the same."""

import psycopg

SEED = """
    create table lasting (id integer primary key, note text); create table moved_0 (id integer);
    create view seen as select id from lasting; create table dropped_0 ()
"""
CHANGE = """
    alter table lasting add column note_{now} text; comment on table lasting is '{now}';
    alter table moved_{before} rename to moved_{now};
    drop table dropped_{before}; create table dropped_{now} ();
    create or replace function number() returns integer language sql return {now}
"""


def alter(url: str, now: int) -> None:
    """Make the database, or change it for the n-th time."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(CHANGE.format(now=now, before=now - 1) if now else SEED)
