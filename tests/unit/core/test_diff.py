"""What a diff says, case by case. That it says enough is proven by the laws."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from incremental_assets.core.change import Comparison
from incremental_assets.core.compare import diff_schema
from incremental_assets.core.diff import diff, first_summary, is_same, summary
from incremental_assets.core.entities import ENTITIES
from incremental_assets.core.scope import Scope, split_tables
from tests.builders import column, database, procedure, schema, state, table

MARKER = datetime(2026, 1, 31, 12, tzinfo=UTC)
DURABLE = Comparison(Scope(), Scope(), durable_ids=True, durable_ordinals=True)
BY_NAME = Comparison(Scope(), Scope())


def said(changes, entity):
    """Rows as (name, change, attribute, before, after, previous name); objects abridged."""
    name = ENTITIES[entity].singular
    columns = (name, "change", "attribute", "before", "after", f"previous_{name}")
    rows = changes[entity].select(columns).iter_rows()
    return [tuple("{}" if str(text).startswith("{") else text for text in row) for row in rows]


def test_every_entity_has_a_frame_of_the_right_columns_though_nothing_changed():
    whole = state(tables=[table("a", "1")], columns=[column("a", "x")], procedures=[procedure("p")])
    changes = diff(whole, whole, DURABLE)
    assert set(changes) == set(ENTITIES)
    for name, rows in changes.items():
        assert rows.schema == diff_schema(ENTITIES[name])
        assert rows.is_empty()
    assert is_same(whole, whole, changes)
    assert summary(changes) == dict.fromkeys(ENTITIES, {})


def test_one_row_per_changed_attribute_with_both_values_as_json():
    before = state(tables=[table("a", "1", comment='say "hi"', owner="me", row_count=1)])
    after = state(tables=[table("a", "1", comment=None, owner="you", row_count=2, token="u")])
    changes = diff(before, after, DURABLE)
    assert said(changes, "tables") == [
        ("a", "UPDATED", "comment", '"say \\"hi\\""', "null", None),
        ("a", "UPDATED", "owner", '"me"', '"you"', None),
    ]
    assert summary(changes)["tables"] == {"UPDATED": 1}


@pytest.mark.parametrize(
    "attribute", [{"row_count": 2}, {"size_bytes": 2}, {"altered_at": MARKER}, {"token": "u"}]
)
def test_bookkeeping_makes_no_diff_but_a_new_version(attribute):
    before, after = state(tables=[table("a", "1")]), state(tables=[table("a", "1", **attribute)])
    changes = diff(before, after, DURABLE)
    assert changes["tables"].is_empty()
    assert not is_same(before, after, changes)


def test_an_entity_more_or_less_is_a_new_version():
    whole = state()
    less = {name: rows for name, rows in whole.items() if name != "procedures"}
    assert not is_same(whole, less, diff(whole, less, DURABLE))


def test_objects_come_and_go_whole():
    before = state(tables=[table("a", "1", owner="me", created_at=MARKER)])
    after = state(tables=[table("b", "2")])
    changes = diff(before, after, DURABLE)
    assert said(changes, "tables") == [
        ("a", "DELETED", None, "{}", None, None),
        ("b", "CREATED", None, None, "{}", None),
    ]
    whole = json.loads(changes["tables"]["before"][0])
    assert list(whole) == list(ENTITIES["tables"].attributes)
    assert (whole["owner"], whole["token"]) == ("me", "t")
    assert whole["created_at"] == "2026-01-31T12:00:00.000000Z"


def test_columns_move_with_their_table_without_a_row():
    before = state(
        tables=[table("a", "1")],
        columns=[column("a", "x"), column("a", "y", 2), column("a", "gone", 3)],
    )
    after = state(
        tables=[table("b", "1")], columns=[column("b", "x"), column("b", "y", 2, nullable=False)]
    )
    changes = diff(before, after, DURABLE)
    assert said(changes, "tables") == [
        ("b", "RENAMED", None, None, None, "a"),
        ("b", "UPDATED", "column_count", "3", "2", "a"),
    ]
    assert said(changes, "columns") == [
        ("gone", "DELETED", None, "{}", None, "gone"),
        ("y", "UPDATED", "nullable", "true", "false", "y"),
    ]
    assert changes["columns"].select("table", "previous_table").unique().rows() == [("b", "a")]
    assert summary(changes)["tables"] == {"UPDATED": 1, "RENAMED": 1}


def test_the_new_holder_of_a_name_is_created_with_its_columns():
    before = state(tables=[table("a", "1")], columns=[column("a", "x")])
    after = state(
        tables=[table("a", "2"), table("b", "1")], columns=[column("a", "x"), column("b", "x")]
    )
    changes = diff(before, after, DURABLE)
    assert said(changes, "tables") == [
        ("a", "CREATED", None, None, "{}", None),
        ("b", "RENAMED", None, None, None, "a"),
    ]
    assert changes["columns"].select("table", "column", "change").rows() == [("a", "x", "CREATED")]


def test_a_table_renamed_over_a_deleted_one_keeps_both_apart():
    before = state(
        tables=[table("a", "1"), table("b", "2")],
        columns=[column("a", "x"), column("a", "y", 2), column("b", "x")],
    )
    after = state(tables=[table("b", "1")], columns=[column("b", "y", 2)])
    changes = diff(before, after, DURABLE)
    rows = changes["columns"].select("table", "column", "change", "previous_table").rows()
    assert rows == [("b", "x", "DELETED", None), ("b", "x", "DELETED", "a")]
    assert summary(changes)["columns"] == {"DELETED": 2}


COLUMN_RENAMES = [
    # what, ordinals before, ordinals after, rows (name, change, previous)
    ("rename", {"x": 1}, {"y": 1}, [("y", "RENAMED", "x")]),
    ("swap", {"x": 1, "y": 2}, {"x": 2, "y": 1}, [("x", "RENAMED", "y"), ("y", "RENAMED", "x")]),
    ("dropped and added", {"x": 1}, {"y": 2}, [("x", "DELETED", None), ("y", "CREATED", None)]),
    ("recreated", {"x": 1}, {"x": 2}, [("x", "UPDATED", None)]),
    ("name taken", {"x": 1}, {"x": 2, "y": 1}, [("x", "CREATED", None), ("y", "RENAMED", "x")]),
]


@pytest.mark.parametrize(
    ("before", "after", "rows"),
    [case[1:] for case in COLUMN_RENAMES],
    ids=[case[0] for case in COLUMN_RENAMES],
)
@pytest.mark.parametrize("now", ["a", "moved"])
def test_columns_with_durable_ordinals_are_renamed(before, after, rows, now):
    old = state(tables=[table("a", "1")], columns=[column("a", *item) for item in before.items()])
    new = state(tables=[table(now, "1")], columns=[column(now, *item) for item in after.items()])
    found = [(row[0], row[1], row[5]) for row in said(diff(old, new, DURABLE), "columns")]
    if now == "moved":  # the previous key is given whole
        rows = [(name, word, was if word == "CREATED" else was or name) for name, word, was in rows]
    assert found == rows


def test_a_renamed_column_says_what_else_changed():
    old = state(tables=[table("a", "1")], columns=[column("a", "x")])
    new = state(tables=[table("a", "1")], columns=[column("a", "y", data_type="text")])
    assert said(diff(old, new, DURABLE), "columns") == [
        ("y", "RENAMED", None, None, None, "x"),
        ("y", "UPDATED", "data_type", '"integer"', '"text"', "x"),
    ]


@pytest.mark.parametrize(
    ("comparison", "native_ids"),
    [(BY_NAME, ("1", "1")), (DURABLE, ("1", "2")), (DURABLE, (None, None))],
)
def test_ordinals_mean_nothing_in_another_table_or_without_ids(comparison, native_ids):
    old = state(tables=[table("a", native_ids[0])], columns=[column("a", "x")])
    new = state(tables=[table("a", native_ids[1])], columns=[column("a", "y")])
    words = [row[:2] for row in said(diff(old, new, comparison), "columns")]
    assert words == [("x", "DELETED"), ("y", "CREATED")]


def test_databases_schemas_and_procedures_are_renamed_by_their_ids():
    old = state(schemas=[schema("a", "s1")], procedures=[procedure("p", "p1", signature="x")])
    new = state(
        databases=[database("store")],
        schemas=[{**schema("b", "s1"), "database": "store"}],
        procedures=[procedure("p", "p1", signature="y", database="store")],
    )
    changes = diff(old, new, DURABLE)
    for entity in ("databases", "schemas", "procedures"):
        assert changes[entity]["change"].to_list() == ["RENAMED"]
        assert changes[entity]["previous_database"].to_list() == ["shop"]
    assert changes["procedures"]["previous_signature"].to_list() == ["x"]
    by_name = summary(diff(old, new, BY_NAME))
    assert by_name["schemas"] == {"CREATED": 1, "DELETED": 1}


SALES = Scope(include={"shop": ("sales",)})


def test_widened_filters_backfill_every_entity_and_narrowed_ones_take_out_of_scope():
    small = state(schemas=[schema("sales")])
    rows = [table("t", "1")], [column("t", "x")], [procedure("p")]
    whole = state(
        schemas=[schema("public"), schema("sales")],
        tables=rows[0],
        columns=rows[1],
        procedures=rows[2],
    )
    expected = dict.fromkeys(("schemas", "tables", "columns", "procedures"), 1)
    wider = summary(diff(small, whole, Comparison(Scope(), SALES)))
    assert wider == {"databases": {}} | {name: {"BACKFILL": 1} for name in expected}
    narrower = summary(diff(whole, small, Comparison(SALES, Scope())))
    assert narrower == {"databases": {}} | {name: {"OUT_OF_SCOPE": 1} for name in expected}


def test_procedures_know_their_age_too():
    old, young = MARKER - timedelta(days=1), MARKER + timedelta(days=1)
    now = state(procedures=[procedure("a", created_at=old), procedure("b", created_at=young)])
    times = Comparison(Scope(), Scope(), marker=MARKER, creation_times=True)
    words = diff(state(), now, times)["procedures"]["change"].to_list()
    assert words == ["BACKFILL", "CREATED"]


def test_a_table_that_an_option_leaves_out_is_out_of_scope_and_its_schema_is_not():
    before = state(
        schemas=[schema()], tables=[table("v", "1", kind="VIEW")], columns=[column("v", "x")]
    )
    scope = Scope(exclude_views=True)
    admitted, left_out = split_tables(before["tables"], scope)
    after = state(schemas=[schema()]) | {"tables": admitted}
    found = summary(diff(before, after, Comparison(scope, Scope(), left_out=left_out)))
    assert found["tables"] == found["columns"] == {"OUT_OF_SCOPE": 1}
    assert found["schemas"] == {}


def test_an_entity_switched_off_or_on_is_out_of_scope_or_backfill():
    whole = state(tables=[table("t", "1")], columns=[column("t", "x")], procedures=[procedure("p")])
    fewer = Scope(entities=("databases", "schemas", "tables"))
    less = {name: whole[name] for name in fewer.entities}
    off = summary(diff(whole, less, Comparison(fewer, Scope(), durable_ids=True)))
    assert off["columns"] == off["procedures"] == {"OUT_OF_SCOPE": 1}
    on = summary(diff(less, whole, Comparison(Scope(), fewer, durable_ids=True)))
    assert on["columns"] == on["procedures"] == {"BACKFILL": 1}
    assert on["tables"] == off["tables"] == {}


def test_a_version_without_parent_is_summed_up_without_its_diff():
    whole = state(tables=[table("a", "1")], columns=[column("a", "x"), column("a", "y", 2)])
    created = Comparison(Scope(), None)
    expected = {
        "databases": {"CREATED": 1},
        "schemas": {},
        "tables": {"CREATED": 1},
        "columns": {"CREATED": 2},
        "procedures": {},
    }
    assert first_summary(whole) == expected == summary(diff({}, whole, created))


def test_names_are_told_apart_whole():
    before = state(tables=[table("b.c", schema="a"), table('x"')], columns=[column('x"', "'; --")])
    after = state(tables=[table("c", schema="a.b"), table("x'")], columns=[column("x'", "'; --")])
    words = diff(before, after, DURABLE)
    assert words["tables"].sort("change")["change"].to_list() == ["CREATED"] * 2 + ["DELETED"] * 2
    assert words["columns"].select("table", "change").rows() == [
        ('x"', "DELETED"),
        ("x'", "CREATED"),
    ]
