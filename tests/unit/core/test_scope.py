"""What a scope admits, and why a table is left out."""

import json

import polars as pl
import pytest

from incremental_assets.core.errors import InvalidScope
from incremental_assets.core.scope import LEFT_OUT_SCHEMA, Scope, filters, split_tables
from tests.builders import frame, table

SCHEMAS = [
    # include, exclude, only_database, database, schema, admitted
    ({}, {}, None, "shop", "public", True),  # no filter is everything
    ({}, {}, "shop", "shop", "public", True),  # the URL names the one database
    ({}, {}, "shop", "crm", "public", False),
    ({"^shop$": ()}, {}, "other", "shop", "any", True),  # include overrules the URL
    ({"^shop$": ("public",)}, {}, None, "shop", "public", True),
    ({"^shop$": ("public",)}, {}, None, "shop", "public2", False),  # full match: anchored behind
    ({"shop": ("ublic",)}, {}, None, "shop", "public", False),  # and in front
    ({"shop": ("PUBLIC",)}, {}, None, "shop", "public", False),  # case counts
    ({"sh.*": ("a",), "shop": ("b",)}, {}, None, "shop", "b", True),  # entries add up
    ({"shop": ("sales_.*", "hr")}, {}, None, "shop", "sales_eu", True),
    ({}, {"shop": ("tmp.*",)}, None, "shop", "tmp_1", False),
    ({}, {"shop": ("tmp.*",)}, None, "crm", "tmp_1", True),
    ({"shop": ()}, {"shop": ("tmp",)}, None, "shop", "tmp", False),  # exclude wins
    ({"shop": ()}, {"shop": ()}, None, "shop", "public", False),
    ({"a.b": ()}, {}, None, "a.b", "c", True),
    ({r"a\.b": ()}, {}, None, "axb", "c", False),
    ({"shop": (".*",)}, {}, None, "shop", "new\nline 😀", True),  # a name may hold anything
    ({"shop": ("a",)}, {}, None, "shop", "a\n", False),
]


@pytest.mark.parametrize(("include", "exclude", "only", "database", "schema", "admitted"), SCHEMAS)
def test_schemas_are_admitted_by_full_matches(include, exclude, only, database, schema, admitted):
    scope = Scope(include=include, exclude=exclude, only_database=only)
    assert scope.admits_schema(database, schema) is admitted
    rows = pl.DataFrame({"database": [database, database], "schema": [schema, schema], "n": [1, 2]})
    assert scope.admitted(rows).height == (2 if admitted else 0)


@pytest.mark.parametrize(
    ("include", "exclude", "admitted"),
    [
        ({}, {}, True),
        ({"shop": ("none",)}, {}, True),  # some schema of it may match
        ({"crm": ()}, {}, False),
        ({}, {"shop": ()}, False),  # excluded whole
        ({}, {"shop": ("a",)}, True),  # excluded in part
    ],
)
def test_databases_are_admitted_if_any_schema_can_be(include, exclude, admitted):
    assert Scope(include=include, exclude=exclude).admits_database("shop") is admitted


def test_admitted_keeps_the_order_of_rows_and_uses_the_database_alone_where_there_is_no_schema():
    rows = pl.DataFrame({"database": ["b", "x", "a", "b"], "n": [1, 2, 3, 4]})
    assert Scope(include={"a|b": ("none",)}).admitted(rows)["n"].to_list() == [1, 3, 4]
    assert Scope().admits(rows.clear()).to_list() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"include": {"*": ()}},
        {"include": {"a": ("(",)}},
        {"exclude": {"[": ()}},
        {"exclude_tables": "(?P<"},
        {"partitions": "some"},
    ],
)
def test_a_pattern_that_is_none_is_refused_with_its_text(wrong):
    with pytest.raises(InvalidScope) as refused:
        Scope(**wrong)
    value = next(iter(wrong.values()))
    texts = [*value, *sum(value.values(), ())] if isinstance(value, dict) else [value]
    assert any(repr(text) in str(refused.value) for text in texts)


def test_a_star_or_an_empty_list_is_every_schema():
    raw = {"a": "*", "b": [], "c": ["*"], "d": ["x", "y"], "e": "x"}
    assert filters(raw) == {"a": (), "b": (), "c": (), "d": ("x", "y"), "e": ("x",)}


def test_a_scope_survives_json():
    scope = Scope(
        include={"^a$": ("x", "y"), "b": ()},
        exclude={"c": ("z",)},
        exclude_tables="^tmp_",
        exclude_views=True,
        exclude_empty_tables=True,
        partitions="list",
        only_database="a",
        entities=("databases", "schemas"),
    )
    assert Scope.from_json(json.loads(json.dumps(scope.to_json()))) == scope
    assert Scope.from_json({}) == Scope()


LEFT_OUT = [
    # options, kind, name, row_count, reason
    ({}, "TABLE", "orders", 0, None),
    ({"exclude_tables": "tmp_.*"}, "TABLE", "tmp_1", 5, "excluded name"),
    ({"exclude_tables": "tmp_"}, "TABLE", "tmp_1", 5, None),  # full match
    ({"exclude_tables": "a.b"}, "TABLE", "a\nb", 5, "excluded name"),
    ({"exclude_views": True}, "VIEW", "v", None, "view"),
    ({"exclude_views": True}, "MATERIALIZED VIEW", "v", 5, "view"),
    ({"exclude_views": True}, "TABLE", "v", 5, None),
    ({"exclude_empty_tables": True}, "TABLE", "t", 0, "empty"),
    ({"exclude_empty_tables": True}, "TABLE", "t", None, None),  # unknown is not empty
    ({"exclude_empty_tables": True}, "TABLE", "t", 1, None),
    ({"exclude_empty_tables": True}, "VIEW", "v", 0, None),  # holds no rows by its nature
    ({"exclude_empty_tables": True}, "FOREIGN TABLE", "f", 0, None),  # they are elsewhere
    ({}, "PARTITION", "p1", 5, "partition"),
    ({"partitions": "list"}, "PARTITION", "p1", 5, None),
    ({}, "PARTITIONED TABLE", "p", 5, None),
    ({"exclude_views": True, "exclude_tables": "v"}, "VIEW", "v", 0, "excluded name"),
    ({"exclude_views": True}, None, "v", 0, None),  # a parent row without attributes
]


@pytest.mark.parametrize(("options", "kind", "name", "rows", "reason"), LEFT_OUT)
def test_tables_are_left_out_for_a_reason(options, kind, name, rows, reason):
    listing = frame("tables", [table(name, "7", kind=kind, row_count=rows)])
    admitted, left_out = split_tables(listing, Scope(**options))
    assert left_out.schema == LEFT_OUT_SCHEMA
    assert left_out["reason"].to_list() == ([] if reason is None else [reason])
    assert admitted.equals(listing if reason is None else listing.clear())
    assert left_out["native_id"].to_list() == ([] if reason is None else ["7"])


def test_an_empty_listing_is_split_into_two_empty_frames():
    admitted, left_out = split_tables(
        frame("tables"), Scope(exclude_tables="x", exclude_views=True)
    )
    assert admitted.is_empty()
    assert left_out.is_empty()


SPELT_OUT = [
    # include, only_database, the names that are asked for, others that fit
    ({"shop": ()}, None, ["shop"], []),
    ({"^shop$": ("public",)}, None, ["shop"], []),
    ({"shop|crm": ()}, None, ["shop", "crm"], []),
    ({"^(shop|crm)$": ()}, None, ["shop", "crm"], []),
    ({"(?:a|b)": (), "shop": ()}, None, ["a", "b", "shop"], []),
    ({r"a\.b\$": ()}, None, ["a.b$"], []),
    ({r"^a\\b\|c$": ()}, None, ["a\\b|c"], []),
    ({"größe 1-2": ()}, None, ["größe 1-2"], []),
    ({"shop.*": ()}, None, [], ["shop", "shop.*", "shop1"]),
    ({"shop.": ()}, None, [], ["shop.", "shop1"]),
    ({"sho(p|q)": ()}, None, [], ["shop", "shoq"]),
    ({"[ab]": ()}, None, [], ["a", "b"]),
    ({r"\w": ()}, None, [], ["w", "a"]),
    ({".*": (), "shop": ()}, None, ["shop"], ["crm"]),
    ({}, "shop", ["shop"], []),
    ({}, None, [], ["shop"]),
]


@pytest.mark.parametrize(("include", "only", "named", "others"), SPELT_OUT)
def test_a_database_is_named_where_its_name_is_spelt_out(include, only, named, others):
    scope = Scope(include=include, only_database=only)
    assert [name for name in named if not scope.names_database(name)] == []
    assert [name for name in named if not scope.admits_database(name)] == []
    assert [name for name in others if scope.names_database(name)] == []
    assert not scope.names_database("elsewhere")
