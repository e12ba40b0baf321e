"""What a database holds according to SQLAlchemy's Inspector, which shares no query with ours."""

import json
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import groupby
from operator import itemgetter
from typing import Any

import polars as pl
from sqlalchemy import Connection, Inspector, create_engine, inspect, text
from sqlalchemy import types as sql_types
from sqlalchemy.dialects.postgresql import BIT
from sqlalchemy.engine.reflection import ObjectKind
from sqlalchemy.exc import OperationalError, SAWarning

from tests import oracle_mysql

# Printed texts depend on these; Source pins the same.
SETTINGS = "-c search_path= -c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=postgres"
SYSTEM = ("information_schema",)
# The Inspector does not see that a partition's column is an identity column.
IDENTITIES = """
    select table_schema, table_name, column_name from information_schema.columns
    where is_identity = 'YES'
"""
PARTITIONS = """
    select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relispartition
"""
ROUTINES = """
    select routine_schema, routine_name, coalesce(routine_type, 'AGGREGATE')
    from information_schema.routines
    where routine_schema not in ('pg_catalog', 'information_schema')
"""

KINDS = dict.fromkeys(("PARTITION", "PARTITIONED TABLE"), "TABLE")
# The attributes that ``_facts`` finds after the default, in its order.
COMPARED = (
    "comment",
    "is_generated",
    "max_length",
    "numeric_precision",
    "numeric_scale",
)

Picture = dict[str, dict[tuple[str, ...], Any]]


def differing(url: str, state: Mapping[str, pl.LazyFrame], *, partitions: bool) -> dict[str, Any]:
    """By kind of object, what a state says otherwise than the oracle: (oracle, state)."""
    if url.startswith(("mariadb", "mysql")):
        true, ours = oracle_mysql.picture(url), oracle_mysql.pictured(state)
    else:
        true, ours = picture(url, partitions=partitions), pictured(state)
    return {
        kind: {
            key: (true[kind].get(key), ours[kind].get(key))
            for key in true[kind].keys() | ours[kind].keys()
            if true[kind].get(key) != ours[kind].get(key)
        }
        for kind in true
        if true[kind] != ours[kind]
    }


def picture(url: str, *, partitions: bool) -> Picture:
    """What the Inspector sees; without ``partitions`` those are left out."""
    is_postgresql = url.startswith("postgresql")
    options = {"options": SETTINGS} if is_postgresql else {}
    scheme, _, rest = url.partition(":")
    engine = create_engine(
        f"{scheme}+psycopg:{rest}" if is_postgresql else url, connect_args=options
    )
    found: Picture = {"schemas": {}, "relations": {}, "columns": {}}
    with engine.connect() as connection, warnings.catch_warnings():
        # Types that it does not know are not compared.
        warnings.simplefilter("ignore", SAWarning)
        inspector = inspect(connection)
        for schema in inspector.get_schema_names():
            if schema not in SYSTEM:
                found["schemas"][(schema,)] = True
                _add_relations(found, inspector, schema)
        if is_postgresql:
            _settle_postgresql(found, connection, partitions=partitions)
    engine.dispose()
    return found


def _add_relations(found: Picture, inspector: Inspector, schema: str) -> None:
    kinds = _kinds(inspector, schema)
    comments = {}
    if inspector.dialect.supports_comments:
        comments = inspector.get_multi_table_comment(schema=schema, kind=ObjectKind.ANY)
    for name, kind in kinds.items():
        comment = comments.get((schema, name), {}).get("text")
        found["relations"][(schema, name)] = (kind, comment)
    # SQLite cannot tell the columns of a view that reads what is gone, nor of any other with it.
    one_by_one = inspector.dialect.name == "sqlite"
    for names in [[name] for name in kinds] if one_by_one else [None]:
        with suppress(OperationalError):
            _add_columns(found, inspector, schema, names)


def _add_columns(
    found: Picture, inspector: Inspector, schema: str, names: list[str] | None
) -> None:
    wanted = {"schema": schema, "filter_names": names, "kind": ObjectKind.ANY}
    keys = inspector.get_multi_pk_constraint(**wanted)
    foreign_keys = inspector.get_multi_foreign_keys(**wanted)
    is_postgresql = inspector.dialect.name == "postgresql"
    for (_, table), columns in inspector.get_multi_columns(**wanted).items():
        primary = keys.get((schema, table), {}).get("constrained_columns", [])
        targets = _targets(foreign_keys.get((schema, table), []), schema)
        for position, column in enumerate(columns):
            is_primary = column["name"] in primary
            found["columns"][(schema, table, column["name"])] = (
                position,
                is_primary,
                sorted(set(targets.get(column["name"], []))),
                # SQLite's Inspector does not say it of a key.
                is_primary or column["nullable"],
                *_facts(column, is_postgresql=is_postgresql),
            )


def _targets(foreign_keys: list[Any], schema: str) -> dict[str, list[tuple[str, ...]]]:
    """By column, schema, table and column of what its foreign keys lead to."""
    targets: dict[str, list[tuple[str, ...]]] = {}
    for key in foreign_keys:
        place = (key["referred_schema"] or schema, key["referred_table"])
        pairs = zip(key["constrained_columns"], key["referred_columns"], strict=True)
        for column, target in pairs:
            targets.setdefault(column, []).append((*place, target))
    return targets


def _kinds(inspector: Inspector, schema: str) -> dict[str, str]:
    kinds = dict.fromkeys(inspector.get_table_names(schema), "TABLE")
    kinds |= dict.fromkeys(inspector.get_view_names(schema), "VIEW")
    if inspector.dialect.name == "postgresql":
        kinds |= dict.fromkeys(inspector.get_materialized_view_names(schema), "MATERIALIZED VIEW")
        kinds |= dict.fromkeys(inspector.get_foreign_table_names(schema), "FOREIGN TABLE")
    return kinds


def _facts(column: Mapping[str, Any], *, is_postgresql: bool) -> tuple[Any, ...]:
    kind = column["type"]
    computed = column.get("computed")
    # SQLite's Inspector guesses sizes and expressions from texts.
    expression = computed["sqltext"] if computed and is_postgresql else None
    is_text = is_postgresql and isinstance(kind, sql_types.VARCHAR | sql_types.CHAR | BIT)
    is_number = is_postgresql and type(kind) is sql_types.NUMERIC
    return (
        _told(expression or column["default"]),
        column.get("comment"),
        bool(computed),
        kind.length if is_text else None,
        kind.precision if is_number else None,
        kind.scale if is_number else None,
    )


def _told(default: str | None) -> str | None:
    """A default's text; the Inspector quotes the schema of a sequence once more."""
    return "nextval" if default and default.startswith("nextval(") else default


def _settle_postgresql(found: Picture, connection: Connection, *, partitions: bool) -> None:
    found["routines"] = dict(Counter(tuple(row) for row in connection.execute(text(ROUTINES))))
    found["identities"] = {tuple(row): True for row in connection.execute(text(IDENTITIES))}
    if not partitions:
        hidden = {tuple(row) for row in connection.execute(text(PARTITIONS))}
        for kind in ("relations", "columns", "identities"):
            found[kind] = {key: fact for key, fact in found[kind].items() if key[:2] not in hidden}


def pictured(state: Mapping[str, pl.LazyFrame]) -> Picture:
    """A state in the oracle's terms."""
    rows = {name: frame.collect().to_dicts() for name, frame in state.items()}
    routines = Counter(
        (row["schema"], row["procedure"], row["kind"]) for row in rows.get("procedures", ())
    )
    return {
        "schemas": {(row["schema"],): True for row in rows["schemas"]},
        "relations": {
            (row["schema"], row["table"]): (KINDS.get(row["kind"], row["kind"]), row["comment"])
            for row in rows["tables"]
        },
        "columns": dict(_columns(rows["columns"])),
        "identities": {
            (row["schema"], row["table"], row["column"]): True
            for row in rows["columns"]
            if row["is_identity"]
        },
        "routines": dict(routines),
    }


def _columns(rows: list[dict[str, Any]]) -> Iterator[tuple[tuple[str, ...], tuple[Any, ...]]]:
    """Columns with their place among their table's columns, instead of the source's own number."""
    ordered = sorted(rows, key=lambda row: (row["schema"], row["table"], row["ordinal"]))
    for (schema, table), columns in groupby(ordered, key=itemgetter("schema", "table")):
        for position, row in enumerate(columns):
            yield (
                (schema, table, row["column"]),
                (
                    position,
                    row["is_primary_key"],
                    [tuple(target[1:]) for target in json.loads(row["references"] or "[]")],
                    row["is_primary_key"] or row["nullable"],
                    _told(row["default"]),
                    *(row[name] for name in COMPARED),
                ),
            )
