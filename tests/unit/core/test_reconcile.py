"""Listings agree with what was read, and every object has its parents."""

import polars as pl
import pytest

from incremental_assets.core.entities import DATABASES, SCHEMAS, TABLES
from incremental_assets.core.reconcile import (
    REPORT_SCHEMA,
    count_columns,
    fill_parents,
    reconcile_tables,
)
from tests.builders import database, frame, procedure, schema, table
from tests.unit.core.test_merge import plan_of

CASES = [
    # base (token, columns), listed (token, columns), read -> token, columns, reason
    (("t", 3), ("t", 3), None, "t", 3, None),  # unchanged: what is stored
    (("t", 3), ("t", None), None, "t", 3, None),
    (("t", 3), ("u", 4), 4, "u", 4, None),
    (("t", 3), ("u", None), 4, "u", 4, None),  # the listing does not count
    (("t", 3), ("u", 5), 4, None, 4, "column count differs"),
    (("t", 3), ("u", 4), None, None, 3, "empty batch"),  # keeps what it had
    (("t", 3), ("u", None), None, None, 3, "empty batch"),
    (("t", 3), ("u", 0), None, "u", 0, None),  # it really has none
    (("t", 3), ("u", 0), 1, None, 1, "column count differs"),
    (None, ("u", 2), 2, "u", 2, None),
    (None, ("u", 2), None, None, 0, "empty batch"),
]


@pytest.mark.parametrize(("had", "listed", "read", "token", "columns", "reason"), CASES)
@pytest.mark.parametrize("name", ["a", "renamed"])
def test_tables_get_what_was_read(name, had, listed, read, token, columns, reason):
    base = [] if had is None else [table("a", "1", had[0], column_count=had[1])]
    now = [table(name, "1", listed[0], column_count=listed[1])]
    if name == "renamed" and listed[0] == "t":
        read = read or had[1]  # a renamed table is always read
    counts = frame("tables", [table(name, column_count=read)] if read else []).select(
        *TABLES.key, read="column_count"
    )
    tables, report = reconcile_tables(
        frame("tables", now), frame("tables", base), plan_of(base, now), counts
    )
    assert tables.schema == TABLES.schema
    assert tables.select("table", "token", "column_count").row(0) == (name, token, columns)
    assert report.schema == REPORT_SCHEMA
    found = report.select("table", "listed", "read", "reason").rows()
    assert found == ([] if reason is None else [(name, listed[1], read or 0, reason)])


@pytest.mark.parametrize(("listed", "comment"), [(None, "said"), (3, None)])
def test_a_table_that_was_not_opened_keeps_what_is_compared_of_it(listed, comment):
    base = [table("a", "1", "t", column_count=3, comment="said")]
    now = [table("a", "1", None, column_count=listed, comment=None)]
    tables, _ = reconcile_tables(
        frame("tables", now),
        frame("tables", base),
        plan_of(base, now),
        frame("tables", []).select(*TABLES.key, read="column_count"),
    )
    assert tables.select("comment", "column_count").row(0) == (comment, 3)


def test_a_table_renamed_to_the_name_of_one_that_is_gone_is_one_table():
    base, now = [table("a", "1"), table("b", "2")], [table("b", "1", column_count=1)]
    counts = frame("tables", now).select(*TABLES.key, read="column_count")
    tables, report = reconcile_tables(
        frame("tables", now), frame("tables", base), plan_of(base, now), counts
    )
    assert tables.select("table", "native_id", "column_count").rows() == [("b", "1", 1)]
    assert report.is_empty()


def test_columns_are_counted_by_table():
    rows = [
        {"table": "a", "column": "x"},
        {"table": "a", "column": "y"},
        {"table": "b", "column": "x"},
    ]
    full = [{"database": "d", "schema": "s", **row} for row in rows]
    counts = count_columns(frame("columns", full).lazy()).sort("table")
    assert counts.rows() == [("d", "s", "a", 2), ("d", "s", "b", 1)]


def test_missing_parents_are_added_with_their_key_only():
    filled = fill_parents(
        {
            "databases": frame("databases", [database("shop", owner="me")]),
            "schemas": frame("schemas", [schema("public", owner="me")]),
            "tables": frame("tables", [table("t", schema="late"), table("t", database="crm")]),
            "procedures": frame("procedures", [procedure("p", schema="other")]),
        }
    )
    assert filled["databases"].schema == DATABASES.schema
    assert filled["databases"].select("database", "owner").rows() == [("crm", None), ("shop", "me")]
    assert filled["schemas"].schema == SCHEMAS.schema
    assert filled["schemas"].select("database", "schema", "owner").rows() == [
        ("crm", "public", None),
        ("shop", "late", None),
        ("shop", "other", None),
        ("shop", "public", "me"),
    ]


def test_a_schema_that_had_to_be_added_gets_its_database_too():
    filled = fill_parents(
        {"databases": frame("databases"), "schemas": frame("schemas", [schema("public")])}
    )
    assert filled["databases"]["database"].to_list() == ["shop"]


def test_entities_that_the_connection_has_not_are_not_made_up():
    tables = frame("tables", [table("t")])
    assert fill_parents({"tables": tables}) == {"tables": tables}
    assert fill_parents({}) == {}
    assert isinstance(fill_parents({"databases": frame("databases")})["databases"], pl.DataFrame)
