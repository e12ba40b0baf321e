"""The guard: how much may disappear at once, and what a person's word covers."""

import polars as pl
import pytest

from incremental_assets.core.deletions import guard, refusal_message
from incremental_assets.core.scope import Scope, split_tables
from tests.builders import frame, table
from tests.unit.core.test_merge import plan_of


def many(number, schema="s", first=0, **more):
    return [table(f"t{n:03d}", f"{schema}{n}", schema=schema, **more) for n in range(first, number)]


def verdict(base, now, *, percent=20, **more):
    return guard(frame("tables", base), plan_of(base, now), percent=percent, **more)


def whats(found):
    return [
        (finding.what, finding.schema, finding.gone, finding.of) for finding in found.suspicions
    ]


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
    found = verdict(many(before), many(before, first=gone), percent=percent)
    assert found.refused is refused
    assert whats(found) == ([("share", "", gone, before)] if refused else [])
    assert found.gone.height == gone


def test_a_whole_schema_is_refused_however_small():
    base = [*many(100), *many(2, "small")]
    assert whats(verdict(base, many(100))) == [("schema", "small", 2, 2)]


def test_a_whole_database_is_one_finding_and_not_one_for_each_schema():
    crm = [*many(2, "a", database="crm"), *many(2, "b", database="crm")]
    found = verdict([*many(100), *crm], many(100))
    assert whats(found) == [("database", "", 4, 4)]
    assert found.suspicions[0].database == "crm"


def test_a_schema_with_new_tables_or_with_tables_left_out_is_not_gone():
    base = [*many(100), table("old", "x", schema="small")]
    assert not verdict(base, [*many(100), table("new", "y", schema="small")]).refused
    hidden = frame("tables", [table("v", "z", schema="small", kind="VIEW")])
    _, left_out = split_tables(hidden, Scope(exclude_views=True))
    assert not verdict(base, many(100), left_out=left_out).refused


def test_an_empty_listing_is_refused_whatever_the_share():
    assert whats(verdict(many(3), [], percent=100)) == [("empty listing", "", 3, 3)]
    assert not verdict([], []).refused


def test_an_empty_listing_is_refused_even_if_the_filters_explain_it():
    base = frame("tables", many(3))
    plan = plan_of(many(3), []).with_columns(change=pl.lit("OUT_OF_SCOPE"))
    found = guard(base, plan, percent=100)
    assert whats(found) == [("empty listing", "", 3, 3)]
    assert found.gone.height == 3


def test_renamed_tables_and_those_out_of_scope_are_not_gone():
    base = [*many(10, "a"), *many(10, "b")]
    renamed = [row | {"schema": "c"} for row in many(10, "a")]
    assert not verdict(base, [*renamed, *many(10, "b")]).refused
    plan = plan_of(base, many(10, "b")).with_columns(change=pl.lit("OUT_OF_SCOPE"))
    _, left_out = split_tables(frame("tables", many(10, "b")), Scope(exclude_tables=".*"))
    assert not guard(frame("tables", base), plan, percent=20, left_out=left_out).refused


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


def test_a_source_in_doubt_may_lose_nothing_without_a_word():
    found = verdict(many(100), many(100, first=1), percent=100, doubt="its clock went back")
    assert whats(found) == [("source", "", 1, 100)]
    assert found.suspicions[0].text == "its clock went back"
    assert not verdict(many(9), many(9), doubt="its clock went back").refused
    again = verdict(many(100), many(100, first=1), doubt="another", accepted=found.gone)
    assert not again.refused


def test_acceptance_of_nothing_accepts_nothing():
    nothing = verdict(many(4), many(4)).gone
    assert verdict(many(4), many(4, first=2), accepted=nothing).refused


def test_a_few_deletions_beyond_an_acceptance_pass_as_they_always_do():
    found = verdict(many(100), many(100, first=3), accepted=verdict(many(4), many(4)).gone)
    assert not found.refused


def test_the_message_names_what_would_go_and_the_two_ways_on():
    base = [*many(30), table('a.b"', "q", schema="x.y")]
    text = refusal_message(verdict(base, many(2)), "shop")
    assert "29 of 31 tables are gone, more than 20 %" in text
    assert "nothing is left of schema 'x.y' of database 'shop' (1 of its 1 table gone)" in text
    assert "Would be deleted: shop.s.t002, " in text
    assert "and 19 more" in text
    assert "\n  incremental-assets refresh shop --dry-run\n" in text
    assert "grants" in text
    assert "incremental-assets refresh shop --accept-deletions" in text
    assert "ops: {shop__extraction: {config: {accept_deletions: true}}}" in text


def test_a_list_that_is_whole_needs_no_other_and_its_names_are_unmistakable():
    text = refusal_message(verdict([*many(2), table('a.b"', "q")], many(2)), "shop")
    assert 'Would be deleted: shop.public."a.b\\"".\n' in text
    assert "--dry-run" not in text
