"""What a database of MariaDB or MySQL holds according to SHOW and SQLAlchemy's Inspector.

The Inspector parses ``show create table``. Neither shares a query with ours.
"""

import json
import re
import warnings
from collections.abc import Mapping
from typing import Any

import polars as pl
from sqlalchemy import Inspector, create_engine, inspect, make_url
from sqlalchemy.exc import SAWarning

from tests.mysql_server import connected
from tests.sources import quoted

KINDS = {"BASE TABLE": "TABLE", "SYSTEM VERSIONED": "TABLE", "VIEW": "VIEW"}
# Whose defaults the Inspector overlooks, or prints byte for byte.
UNTOLD = re.compile(r"bit|binary|varbinary|\w*text|\w*blob")
Picture = dict[str, dict[tuple[str, ...], Any]]


def picture(url: str) -> Picture:
    """What SHOW and the Inspector see of the URL's database."""
    schema = str(make_url(url).database)
    found: Picture = {"schemas": {(schema,): True}, "relations": {}, "columns": {}, "routines": {}}
    engine = create_engine(make_url(url).set(drivername="mysql+pymysql"))
    with connected(url) as cursor, engine.connect() as connection, warnings.catch_warnings():
        # Types that it does not know are not compared.
        warnings.simplefilter("ignore", SAWarning)
        inspector = inspect(connection)
        for name, kind in _rows(cursor, "show full tables"):
            if kind in KINDS:
                found["relations"][(name,)] = _relation(inspector, name, KINDS[kind])
                found["columns"] |= _columns(cursor, inspector, name, KINDS[kind])
        for kind in ("function", "procedure"):
            for row in _rows(cursor, f"show {kind} status"):
                if row[0] == schema:
                    # In MySQL a language follows the kind.
                    definer, comment = next(at for at in row[3:] if "@" in str(at)), row[-4]
                    found["routines"][(row[1], kind.upper())] = (definer, comment or None)
    engine.dispose()
    return found


def _rows(cursor: Any, statement: str) -> list[tuple[Any, ...]]:
    cursor.execute(statement)
    return list(cursor.fetchall())


def _relation(inspector: Inspector, name: str, kind: str) -> tuple[str, str | None]:
    comment = None if kind == "VIEW" else inspector.get_table_comment(name)["text"]
    return kind, comment or None


def _columns(cursor: Any, inspector: Inspector, table: str, kind: str) -> dict[Any, Any]:
    try:
        shown = _rows(cursor, f"show full columns from {quoted(table)}")
    except cursor.connection.Error:
        # A view that reads what is not there.
        return {}
    is_table = kind == "TABLE"
    primary = inspector.get_pk_constraint(table)["constrained_columns"] if is_table else []
    leading = _leading(inspector, table) if is_table else {}
    told = {one["name"]: one for one in inspector.get_columns(table)} if is_table else {}
    return {
        (table, name): (
            position,
            data_type,
            collation,
            null == "YES",
            name in primary,
            leading.get(name, []),
            "auto_increment" in extra,
            "GENERATED" in extra.replace("DEFAULT_GENERATED", "") or bool(told_of.get("computed")),
            comment or None,
            _default(told_of) if is_table and not UNTOLD.match(data_type) else None,
        )
        for position, row in enumerate(shown)
        for name, data_type, collation, null, _key, _, extra, _, comment in [row]
        for told_of in [told.get(name, {})]
    }


def _leading(inspector: Inspector, table: str) -> dict[str, list[list[str]]]:
    """Where each column's foreign keys lead."""
    found: dict[str, list[list[str]]] = {}
    for key in inspector.get_foreign_keys(table):
        pairs = zip(key["constrained_columns"], key["referred_columns"], strict=True)
        for column, target in pairs:
            found.setdefault(column, []).append([key["referred_table"], target])
    # Two keys may lead to the same place, which is said once.
    return {column: _once(targets) for column, targets in found.items()}


def _once(targets: list[list[str]]) -> list[list[str]]:
    return [list(target) for target in sorted({tuple(target) for target in targets})]


def _default(column: Mapping[str, Any]) -> str | None:
    if computed := column.get("computed"):
        return _plain(computed["sqltext"])
    return _plain(column.get("default"))


def _plain(text: str | None) -> str | None:
    """A default without what only one of the two prints: case, parentheses, escapes."""
    if text is None or text.upper() == "NULL":
        return None
    bare = re.sub(r"[\\()`\" ]", "", text).replace("''", "'")
    return re.sub(r"_\w+(?=')", "", bare).lower()


def pictured(state: Mapping[str, pl.LazyFrame]) -> Picture:
    """A state in the oracle's terms."""
    rows = {name: frame.collect().to_dicts() for name, frame in state.items()}
    views = {row["table"] for row in rows["tables"] if row["kind"] == "VIEW"}
    columns: dict[tuple[str, ...], Any] = {}
    positions: dict[str, int] = {}
    for row in sorted(rows["columns"], key=lambda row: (row["table"], row["ordinal"])):
        position = positions.setdefault(row["table"], 0)
        positions[row["table"]] += 1
        targets = json.loads(row["references"] or "[]")
        is_told = row["table"] not in views and not UNTOLD.match(row["data_type"])
        columns[(row["table"], row["column"])] = (
            position,
            row["data_type"],
            row["collation"],
            row["nullable"],
            row["is_primary_key"],
            sorted(target[2:] for target in targets),
            row["is_identity"],
            row["is_generated"],
            row["comment"],
            _plain(row["default"]) if is_told else None,
        )
        assert row["is_foreign_key"] == bool(targets)
    return {
        "schemas": {(row["schema"],): True for row in rows["schemas"]},
        "relations": {
            (row["table"],): (row["kind"].replace("PARTITIONED ", ""), row["comment"])
            for row in rows["tables"]
        },
        "columns": columns,
        "routines": {
            (row["procedure"], row["kind"]): (row["owner"], row["comment"])
            for row in rows["procedures"]
        },
    }
