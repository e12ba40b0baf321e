"""The demo's shop: a database of a realistic make, and a week's worth of changes to it.

Belongs here: loading the SQL files of this folder. Does not belong here: the server they are
loaded into (``server.py``), and what is extracted from it.
"""

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from incremental_resources.demo.errors import DemoUnavailable
from incremental_resources.source.secrets import secrets_of, without

# In this order: later files refer to what earlier ones create.
SHOP_FILES = (
    "shop_types.sql",
    "shop_master.sql",
    "shop_sales.sql",
    "shop_supply.sql",
    "shop_office.sql",
    "shop_crowd.sql",
    "shop_families.sql",
    "shop_views.sql",
    "shop_routines.sql",
    "shop_rows.sql",
)
LABEL = "-- change: "
# Any number that no other program uses for its advisory locks on the demo's server.
CREATING_THE_SHOP = 7_470_001


@dataclass(frozen=True)
class DemoChange:
    """One change that somebody makes to the shop: what people read, and its statements."""

    label: str
    sql: str


def create_shop(url: str) -> bool:
    """Create the database that ``url`` names and load the shop, all or nothing.

    Several processes may ask at once; one of them does it, the others wait.

    Returns:
        False if the shop was there already.
    """
    name = make_url(url).database or "shop"
    try:
        with psycopg.connect(**_keywords(url, "postgres"), autocommit=True) as server:
            server.execute("select pg_advisory_lock(%s)", (CREATING_THE_SHOP,))
            known = server.execute("select from pg_database where datname = %s", (name,))
            if known.rowcount == 0:
                server.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
            with psycopg.connect(**_keywords(url, name)) as shop:
                return _load(shop)
    except psycopg.Error as error:
        raise DemoUnavailable(
            f"The shop could not be created in {name}: {_words(error, url)}"
        ) from None


def changes() -> list[DemoChange]:
    """The changes, in the order in which they are made."""
    _, *parts = _read("shop_changes.sql").split(LABEL)
    return [
        DemoChange(label.strip(), body.strip())
        for label, _, body in (p.partition("\n") for p in parts)
    ]


def apply_changes(url: str) -> list[str]:
    """Make all changes to a fresh shop, each in a transaction of its own.

    Returns:
        Their labels, in order.
    """
    applied: list[str] = []
    try:
        with psycopg.connect(**_keywords(url), autocommit=True) as shop:
            for change in changes():
                with shop.transaction():
                    shop.execute(change.sql.encode())
                applied.append(change.label)
    except psycopg.Error as error:
        raise DemoUnavailable(
            f"The shop could not be changed after {len(applied)} changes: "
            f"{_words(error, url)}. They are made once only, to a fresh shop; "
            "`incremental-assets demo` makes one."
        ) from None
    return applied


def _load(shop: psycopg.Connection[tuple[object, ...]]) -> bool:
    # Whatever a person has made of the shop since, it is not loaded over it.
    used = shop.execute(
        "select shobj_description(oid, 'pg_database') is not null or exists (select from "
        "pg_namespace where nspname !~ '^(pg_|information_schema$|public$)') "
        "from pg_database where datname = current_database()"
    ).fetchone()
    if used == (True,):
        return False
    for name in SHOP_FILES:
        shop.execute(_read(name).encode())
    comment = sql.SQL("comment on database {} is 'Everything the demo shop knows'")
    shop.execute(comment.format(sql.Identifier(shop.info.dbname)))
    return True


def _words(error: psycopg.Error, url: str) -> str:
    """What the driver said, unless it repeats a secret of the URL."""
    return without(str(error), [str(error)], secrets_of(make_url(url), url))


def _read(name: str) -> str:
    return files("incremental_resources.demo").joinpath(name).read_text(encoding="utf-8")


def _keywords(url: str, database: str | None = None) -> dict[str, Any]:
    # As a URL for libpq, SQLAlchemy would write a space in the host as "+", which libpq keeps.
    parsed = make_url(url)
    named = parsed.translate_connect_args(username="user", database="dbname")
    return {**named, **parsed.query, **({"dbname": database} if database else {})}
