"""Tables as they are shown: which, with which columns, and what a diff says of each."""

from incremental_assets.core.entities import COLUMNS, TABLES
from incremental_assets.core.lineage import changed_tables, shown, table_facts
from incremental_assets.core.scope import Scope
from tests.builders import column, frame, table
from tests.shop_versions import diff_of


def test_tables_of_the_admitted_schemas_are_shown_in_order() -> None:
    rows = [table("b"), table("a"), table("c", schema="private")]

    found = shown(frame(TABLES, rows), Scope(include={"shop": ("public",)}))

    assert found["table"].to_list() == ["a", "b"]


def test_each_table_has_its_own_columns_by_ordinal() -> None:
    tables = frame(TABLES, [table("a"), table("b"), table("empty")])
    columns = frame(
        COLUMNS,
        [
            column("a", "second", 2),
            column("a", "third", 10),
            column("a", "first", 1),
            column("b", "only", 1),
            column("elsewhere", "x", 1),
            column("a", "of another schema", 1, schema="other"),
        ],
    )

    facts = {one.place[1]: one.column_names for one in table_facts(tables, columns.lazy())}

    assert facts == {"a": ("first", "second", "third"), "b": ("only",), "empty": ()}


def test_without_columns_tables_are_shown_without_them() -> None:
    (fact,) = table_facts(frame(TABLES, [table("a", kind="MATERIALIZED VIEW")]), None)

    assert fact.key == ("shop", "public", "a")
    assert fact.columns == ()
    assert fact.is_view


def test_tables_that_changed_are_found_and_those_that_are_gone_are_not() -> None:
    name = {"database": "shop", "schema": "public"}
    tables = diff_of(
        "tables",
        {**name, "table": "a", "change": "UPDATED", "attribute": "comment"},
        {**name, "table": "gone", "change": "DELETED"},
        {**name, "table": "left out", "change": "OUT_OF_SCOPE"},
        {**name, "table": "new", "change": "CREATED"},
    )
    columns = diff_of(
        "columns",
        {**name, "table": "a", "column": "x", "change": "DELETED"},
        {**name, "table": "gone", "column": "x", "change": "DELETED"},
        {**name, "table": "left out", "column": "x", "change": "OUT_OF_SCOPE"},
        {**name, "table": "b", "column": "y", "change": "UPDATED", "attribute": "data_type"},
    )

    assert changed_tables(tables.lazy(), columns.lazy())["table"].to_list() == ["a", "b", "new"]
    assert changed_tables(tables.lazy(), None)["table"].to_list() == ["a", "new"]


def test_a_name_that_another_table_has_taken_is_told_of() -> None:
    key = {"database": "shop", "schema": "public", "table": "a"}
    previous = {f"previous_{name}": part for name, part in key.items()} | {"previous_table": "b"}
    tables = diff_of(
        "tables", {**key, "change": "DELETED"}, {**key, **previous, "change": "RENAMED"}
    )

    assert changed_tables(tables.lazy(), None).rows() == [("shop", "public", "a")]
