"""The guard: how much may disappear at once, and what a person's word covers."""

import json

import polars as pl
import pytest

from incremental_assets.core.change import Comparison
from incremental_assets.core.deletions import guard, would_stand
from incremental_assets.core.diff import diff
from incremental_assets.core.losses import GONE_SCHEMA
from incremental_assets.core.refusals import gone_counts, refusal_message
from incremental_assets.core.scope import Scope, split_tables
from tests.builders import column, database, frame, procedure, schema, state, table


def many(number, schema="s", first=0, **more):
    return [table(f"t{n:03d}", f"{schema}{n}", schema=schema, **more) for n in range(first, number)]


def routines(number, schema="s", first=0, **more):
    return [procedure(f"f{n:03d}", schema=schema, **more) for n in range(first, number)]


def columns(number, tables, first=0):
    """So many columns of each of the tables."""
    return [
        column(one["table"], f"c{n:03d}", n, schema=one["schema"])
        for one in tables
        for n in range(first, number)
    ]


def judged(base, now, *, percent=20, scope=None, left_out=None, **more):
    """The verdict on two states, each given by its entities' rows."""
    before, after = state(**base), state(**now)
    comparison = Comparison(scope or Scope(), Scope(), durable_ids=True, durable_ordinals=True)
    changes = diff(before, after, comparison)
    return guard(before, after, changes, percent=percent, left_out=left_out, **more)


def verdict(base, now, **more):
    return judged({"tables": base}, {"tables": now}, **more)


def whats(found):
    return [
        (finding.what, finding.schema, finding.gone, finding.of) for finding in found.suspicions
    ]


def found(verdict):
    return [finding.text for finding in verdict.suspicions]


SHARES = [
    # tables before, gone, percent, refused
    (100, 0, 20, False),
    (100, 20, 20, False),  # more than 20 %, not 20 %
    (100, 21, 20, True),
    (5, 1, 20, False),
    (4, 1, 20, True),
    (100, 1, 0, True),
    (100, 99, 100, False),
    (1000, 125, 12.5, False),
    (1000, 126, 12.5, True),
]


@pytest.mark.parametrize(("before", "gone", "percent", "refused"), SHARES)
def test_more_than_the_share_is_refused(before, gone, percent, refused):
    told = verdict(many(before), many(before, first=gone), percent=percent)
    assert told.refused is refused
    assert whats(told) == ([("share", "", gone, before)] if refused else [])
    assert told.gone.height == gone


ROUTINES = [
    # routines before, gone, percent, refused
    (50, 10, 20, False),
    (50, 15, 20, True),
    (50, 1, 0, True),
    (50, 49, 100, False),
    (3, 1, 20, False),  # a day's work: fewer than three are no share of routines
    (4, 2, 20, False),
    (10, 3, 20, True),
]


@pytest.mark.parametrize(("before", "gone", "percent", "refused"), ROUTINES)
def test_routines_have_a_share_of_their_own(before, gone, percent, refused):
    base = {"tables": many(100), "procedures": routines(before)}
    now = {"tables": many(100), "procedures": routines(before, first=gone)}
    told = judged(base, now, percent=percent)
    share = f"{gone} of {before} procedures are gone, more than {percent} %"
    assert found(told) == ([share] if refused else [])


@pytest.mark.parametrize(("before", "gone", "percent", "refused"), ROUTINES)
def test_columns_of_tables_that_stay_have_one_too(before, gone, percent, refused):
    kept, dropped = many(1), many(2, first=1)
    padding = many(100, "other")
    base = {"tables": kept + dropped + padding, "columns": columns(before, kept + dropped)}
    now = {"tables": kept + padding, "columns": columns(before, kept, first=gone)}
    told = judged(base, now, percent=percent)
    # The columns of a table that is gone are no loss beside it.
    share = f"{gone} of {before} columns of tables that stay are gone, more than {percent} %"
    assert (share in found(told)) is refused
    assert gone_counts(told.gone)["columns"] == gone
    if percent:
        assert told.refused is refused


def test_a_routine_with_another_signature_is_not_gone_but_one_may_not_vanish_with_all_of_its_name():
    base = routines(10)
    now = [row | {"signature": "integer"} for row in base]
    told = judged({"procedures": base, "tables": many(5)}, {"procedures": now, "tables": many(5)})
    assert not told.refused
    assert gone_counts(told.gone)["procedures"] == 10  # they would be deleted all the same


def test_a_whole_schema_is_refused_however_small():
    base = [*many(100), *many(2, "small")]
    assert whats(verdict(base, many(100))) == [("schema", "small", 2, 2)]
    base = {"tables": many(100), "procedures": routines(1, "small"), "schemas": [schema("small")]}
    told = judged(base, {"tables": many(100)}, percent=100)
    place = "schema 'small' of database 'shop'"
    assert found(told) == [f"nothing is left of {place} (1 of its 1 procedure gone)"]


def test_a_schema_of_routines_alone_is_gone_by_their_measure():
    base = {"tables": many(100), "procedures": [*routines(900), *routines(50, "wing")]}
    told = judged(base, {"tables": many(100), "procedures": routines(900)})
    assert whats(told) == [("schema", "wing", 50, 50)]
    assert told.gone.height == 50


def test_a_schema_may_not_lose_all_of_one_entity_either():
    both = {"tables": many(100), "procedures": [*routines(90), *routines(3, "t")]}
    base = {**both, "tables": [*many(100), *many(4, "t")]}
    without_routines = {**base, "procedures": routines(90)}
    place = "schema 't' of database 'shop'"
    text = f"no procedure is left of {place} (3 of its 3 procedures gone)"
    assert found(judged(base, without_routines)) == [text]
    text = f"no table is left of {place} (4 of its 4 tables gone)"
    assert found(judged(base, both)) == [text]
    few = {**base, "procedures": [*routines(90), *routines(2, "t")]}
    assert not judged(few, {**few, "procedures": routines(90)}).refused
    wide = {"tables": base["tables"], "columns": columns(30, many(10)) + columns(1, many(4, "t"))}
    text = f"no column is left of {place} (4 of its 4 columns gone)"
    assert found(judged(wide, {**wide, "columns": columns(30, many(10))})) == [text]


def test_a_schema_or_a_database_with_nothing_in_it_may_go():
    base = {
        "tables": many(100),
        "databases": [database(), database("crm", "d2")],
        "schemas": [schema("s", "1"), schema("bare", "2"), schema("public", "3", database="crm")],
    }
    now = {"tables": many(100), "schemas": [schema("s", "1")], "databases": [database()]}
    told = judged(base, now)
    assert not told.refused
    assert gone_counts(told.gone) == {
        "databases": 1,
        "schemas": 2,
        "tables": 0,
        "columns": 0,
        "procedures": 0,
    }
    more = [schema(f"x{n}", f"x{n}", database="crm") for n in range(2)]
    told = judged({**base, "schemas": base["schemas"] + more}, now)
    assert found(told) == ["nothing is left of database 'crm' (3 of its 3 schemas gone)"]


def test_a_whole_database_is_one_finding_and_not_one_for_each_schema():
    crm = [*many(2, "a", database="crm"), *many(2, "b", database="crm")]
    told = verdict([*many(100), *crm], many(100))
    assert whats(told) == [("database", "", 4, 4)]
    assert told.suspicions[0].database == "crm"
    routes = routines(50, "a", database="crm")
    base = {"tables": [*many(900), *crm], "procedures": [*routines(900), *routes]}
    told = judged(base, {"tables": many(900), "procedures": routines(900)})
    gone = "4 of its 4 tables, 50 of its 50 procedures gone"
    assert found(told) == [f"nothing is left of database 'crm' ({gone})"]


def test_a_schema_with_new_tables_or_with_tables_left_out_is_not_gone():
    base = [*many(100), table("old", "x", schema="small")]
    assert not verdict(base, [*many(100), table("new", "y", schema="small")]).refused
    hidden = frame("tables", [table("v", "z", schema="small", kind="VIEW")])
    _, left_out = split_tables(hidden, Scope(exclude_views=True))
    assert not verdict(base, many(100), left_out=left_out).refused


def test_an_empty_listing_is_refused_whatever_the_share():
    assert whats(verdict(many(3), [], percent=100)) == [("empty listing", "", 3, 3)]
    assert not verdict([], []).refused
    base = {"tables": many(9), "procedures": routines(3)}
    told = judged(base, {"tables": many(9)}, percent=100)
    assert found(told)[0] == "the listing is empty; the state has 3 procedures"


def test_an_empty_listing_is_refused_even_if_the_filters_explain_it():
    told = verdict(many(3), [], percent=100, scope=Scope(exclude_tables=".*"))
    assert whats(told) == [("empty listing", "", 3, 3)]
    assert told.gone.height == 3


def test_what_is_renamed_or_out_of_scope_is_not_gone():
    base = [*many(10, "a"), *many(10, "b")]
    renamed = [row | {"schema": "c"} for row in many(10, "a")]
    assert not verdict(base, [*renamed, *many(10, "b")]).refused
    out = Scope(exclude={".*": ("a",)})
    assert not verdict(base, many(10, "b"), scope=out).refused

    rows = [procedure(f"f{n}", f"p{n}", schema="a") for n in range(10)]
    moved = [row | {"schema": "c"} for row in rows]
    base, now = {"tables": base, "procedures": rows}, {"tables": base, "procedures": moved}
    assert not judged(base, now).refused
    narrow = Scope(entities=("databases", "schemas", "tables", "columns"))
    assert not judged(base, {"tables": base["tables"]}, scope=narrow).refused

    tables = many(1)
    base = {"tables": tables, "columns": columns(10, tables)}
    other = [row | {"column": f"new {row['column']}"} for row in columns(10, tables)]
    assert not judged(base, {"tables": tables, "columns": other}).refused


def test_columns_of_a_renamed_table_are_gone_by_the_key_they_had():
    one, other = table("a", "1"), table("b", "1")
    base = {"tables": [one], "columns": columns(10, [one])}
    now = {"tables": [other], "columns": columns(10, [other], first=5)}
    told = judged(base, now)
    assert found(told) == ["5 of 10 columns of tables that stay are gone, more than 20 %"]
    assert set(told.gone["table"]) == {"a"}


def test_what_is_left_of_a_renamed_schema_is_looked_at():
    base = [*many(100), *many(3, "a")]
    now = [*many(100), *(row | {"schema": "b"} for row in many(2, "a"))]
    assert whats(verdict(base, now)) == [("schema", "a", 1, 3)]


def test_acceptance_covers_what_was_recorded_and_nothing_else():
    base = many(10)
    refused = verdict(base, many(10, first=5))
    assert refused.beyond == 5
    assert not verdict(base, many(10, first=5), accepted=refused.gone).refused
    assert not verdict(base, many(10, first=4), accepted=refused.gone).refused  # one came back
    again = verdict(base, many(10, first=6), accepted=refused.gone)
    assert again.refused
    assert again.beyond == 1
    assert again.gone.height == 6


@pytest.mark.parametrize("lost", ["tables", "procedures", "columns", "schemas"])
def test_acceptance_is_of_every_entity(lost):
    tables = many(10)
    base = {
        "tables": tables,
        "columns": columns(10, tables),
        "procedures": routines(10),
        "schemas": [schema("s", "1"), schema("bare", "2")],
    }
    now = {**base, "procedures": routines(10, first=5)}
    refused = judged(base, now)
    assert not judged(base, now, accepted=refused.gone).refused
    more = {
        "tables": {"tables": many(10, first=1), "columns": columns(10, many(10, first=1))},
        "procedures": {"procedures": routines(10, first=6)},
        "columns": {"columns": columns(10, tables)[1:]},
        "schemas": {"schemas": [schema("s", "1")]},
    }[lost]
    again = judged(base, {**now, **more}, accepted=refused.gone)
    assert again.refused
    assert again.beyond == 1


def test_the_list_of_an_older_release_accepts_nothing():
    tables = frame("tables", many(5)).select("database", "schema", "table")
    assert verdict(many(10), many(10, first=5), accepted=tables).refused


def test_a_source_in_doubt_may_lose_nothing_without_a_word():
    told = verdict(many(100), many(100, first=1), percent=100, doubt="its clock went back")
    assert whats(told) == [("source", "", 1, 100)]
    assert told.suspicions[0].text == "its clock went back"
    assert not verdict(many(9), many(9), doubt="its clock went back").refused
    again = verdict(many(100), many(100, first=1), doubt="another", accepted=told.gone)
    assert not again.refused
    base = {"tables": many(9), "procedures": routines(9)}
    now = {"tables": many(9), "procedures": routines(8)}
    assert judged(base, now, percent=100, doubt="another").refused


def test_acceptance_of_nothing_accepts_nothing():
    nothing = verdict(many(4), many(4)).gone
    assert nothing.schema == pl.Schema(GONE_SCHEMA)
    assert verdict(many(4), many(4, first=2), accepted=nothing).refused


def test_a_few_deletions_beyond_an_acceptance_pass_as_they_always_do():
    told = verdict(many(100), many(100, first=3), accepted=verdict(many(4), many(4)).gone)
    assert not told.refused


@pytest.mark.parametrize(
    ("base", "now", "percent", "stands_at"),
    [
        ({"tables": many(10)}, {"tables": many(10, first=5)}, 20, {49: True, 50: False}),
        ({"tables": many(10)}, {}, 20, {100: True}),
        (
            {"tables": many(90), "procedures": routines(10)},
            {"tables": many(50), "procedures": routines(10, first=6)},
            20,
            {44: True, 50: True, 60: False},
        ),
        (
            {"tables": [*many(9), *many(1, "small")]},
            {"tables": many(9)},
            0,
            {100: True},
        ),
        (
            {"tables": many(9), "procedures": routines(9)},
            {"tables": many(9), "procedures": routines(8)},
            0,
            {1: False},
        ),
    ],
)
def test_a_refusal_stands_as_long_as_a_percentage_would_refuse_again(base, now, percent, stands_at):
    refused = judged(base, now, percent=percent)
    assert refused.refused
    facts = json.loads(json.dumps(refused.facts()))
    assert would_stand(facts, percent)
    for other, stands in stands_at.items():
        assert would_stand(facts, other) is judged(base, now, percent=other).refused is stands


def test_the_message_names_what_would_go_and_the_two_ways_on():
    base = [*many(30), table('a.b"', "q", schema="x.y")]
    text = refusal_message(verdict(base, many(2)), "shop")
    assert "29 of 31 tables are gone, more than 20 %" in text
    assert "nothing is left of schema 'x.y' of database 'shop' (1 of its 1 table gone)" in text
    assert "Would be deleted: 29 tables: shop.s.t002, " in text
    assert "shop.s.t011 and 19 more. This lists all of them:\n" in text
    assert "\n  incremental-assets refresh shop --dry-run\n" in text
    assert "grants" in text
    assert "incremental-assets refresh shop --accept-deletions" in text
    assert "ops: {shop__extraction: {config: {accept_deletions: true}}}" in text


def test_the_message_counts_every_entity():
    base = {
        "tables": [*many(9), *many(8, "a")],
        "columns": columns(9, many(9)),
        "procedures": routines(50, "a"),
        "schemas": [schema("s", "1"), schema("a", "2")],
    }
    now = {"tables": many(9), "columns": columns(8, many(9)), "schemas": [schema("s", "1")]}
    text = refusal_message(judged(base, now), "shop")
    named = (
        "Would be deleted: 1 schema: shop.a; 8 tables: shop.a.t000, ",
        "shop.a.t007; 9 columns: shop.s.t000.c008 and 8 more; 50 procedures. This lists ",
    )
    for fragment in named:
        assert fragment in text


def test_a_list_that_is_whole_needs_no_other_and_its_names_are_unmistakable():
    text = refusal_message(verdict([*many(2), table('a.b"', "q")], many(2)), "shop")
    assert 'Would be deleted: 1 table: shop.public."a.b\\"".\n' in text
    assert "--dry-run" not in text
    base = {"tables": many(4), "procedures": routines(4, signature="a text")}
    text = refusal_message(judged(base, {"tables": many(4)}), "shop")
    assert "4 procedures: shop.s.f000(a text) FUNCTION, " in text


def test_columns_of_tables_that_are_left_out_are_none_that_stay():
    base = {"tables": many(2), "columns": columns(10, many(2))}
    now = {"tables": many(1), "columns": columns(10, many(1), first=3)}
    told = judged(base, now, scope=Scope(exclude_tables="t001"))
    assert found(told) == ["3 of 10 columns of tables that stay are gone, more than 20 %"]
