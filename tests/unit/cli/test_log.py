"""``log``: one table or column through renames, drops and the versions that are kept."""

import json
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from incremental_assets.core.change import Comparison
from incremental_assets.core.diff import diff, first_summary, summary
from incremental_assets.core.scope import Scope
from tests.builders import column, schema, state, table
from tests.shop_versions import Run, Shop
from tests.states import MARKER

SAME = Comparison(
    Scope(), base_scope=Scope(), marker=MARKER, durable_ids=True, durable_ordinals=True
)


def a_state(*columns: Any, **tables: str) -> dict[str, pl.DataFrame]:
    """Tables by name with their native ids."""
    return state(
        schemas=[schema()],
        tables=[table(name, native_id) for name, native_id in tables.items()],
        columns=columns,
    )


STATES = [
    a_state(column("orders", "status", 1, data_type="text"), column("b", "x"), orders="1", b="2"),
    a_state(
        column("orders", "status", 1, data_type="varchar(40)"), column("b", "x"), orders="1", b="2"
    ),
    # The table and the column are renamed in one version.
    a_state(
        column("purchases", "state", 1, data_type="varchar(40)"),
        column("b", "x"),
        purchases="1",
        b="2",
    ),
    # Another table takes the old name; b is dropped.
    a_state(
        column("purchases", "state", 1, data_type="varchar(80)"),
        column("orders", "status", 1, data_type="json"),
        purchases="1",
        orders="3",
    ),
]


@pytest.fixture
def kept(shop: Shop) -> Shop:
    """One version per state, an hour apart."""
    previous: dict[str, pl.DataFrame] | None = None
    for hour, now in enumerate(STATES):
        changes = diff(previous, now, SAME) if previous else None
        counts = summary(changes) if changes else first_summary(now)
        shop.commit(now, counts, changes, at=MARKER + timedelta(hours=hour))
        previous = now
    return shop


def log(run: Run, *path: str) -> dict[str, Any]:
    result = run("log", "shop", *path, "--json")
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def told(found: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (one["version"], one["change"], one["attribute"], one["before"], one["after"])
        for one in found["changes"]
        if one["change"] != "CREATED"
    ]


def test_a_column_is_followed_through_its_own_rename_and_its_tables(kept: Shop, run: Run) -> None:
    found = log(run, "public.purchases.state")

    assert (found["table"], found["column"], found["exists"]) == ("purchases", "state", True)
    assert told(found) == [
        (4, "UPDATED", "data_type", "varchar(40)", "varchar(80)"),
        (3, "RENAMED", None, None, None),
        (2, "UPDATED", "data_type", "text", "varchar(40)"),
    ]
    assert found["changes"][-1]["version"] == 1
    first, second = (str((MARKER + timedelta(hours=hour)).isoformat())[:19] for hour in (0, 1))
    change = found["changes"][-2]
    assert (change["since"][:19], change["until"][:19]) == (first, second)


def test_a_table_is_followed_with_all_of_its_columns(kept: Shop, run: Run) -> None:
    found = log(run, "shop.public.purchases")

    assert {one["entity"] for one in found["changes"]} == {"tables", "columns"}
    assert (3, "RENAMED", None, None, None) in told(found)
    assert (2, "UPDATED", "data_type", "text", "varchar(40)") in told(found)


def test_a_name_means_the_table_that_has_it_now(kept: Shop, run: Run) -> None:
    found = log(run, "public.orders.status")

    # What the name stood for earlier went on under another one.
    assert [one["version"] for one in found["changes"] if one["change"] == "CREATED"][0] == 4


def test_the_former_name_of_a_column_leads_to_it(kept: Shop, run: Run) -> None:
    assert told(log(run, "public.purchases.status")) == told(log(run, "public.purchases.state"))


def test_a_table_that_is_gone_is_found_by_its_last_name(kept: Shop, run: Run) -> None:
    found = log(run, "public.b")

    assert found["exists"] is False
    assert (4, "DELETED") in [(one["version"], one["change"]) for one in found["changes"]]
    assert (1, "CREATED") in [(one["version"], one["change"]) for one in found["changes"]]


def test_a_person_reads_when_and_from_what_to_what(kept: Shop, run: Run) -> None:
    lines = run("log", "shop", "public.purchases.state").stdout.splitlines()

    assert lines[0] == "shop: shop.public.purchases.state"
    (line,) = [one for one in lines if "varchar(80)" in one]
    moment = (MARKER + timedelta(hours=3)).strftime("%Y-%m-%d %H:%M:%S UTC")
    assert moment in line
    assert 'data_type: "varchar(40)" → "varchar(80)"' in line


@pytest.mark.parametrize("path", ["public.nothing", "public.purchases.nothing", "other.public.b"])
def test_what_no_version_has_is_named_with_its_like(kept: Shop, run: Run, path: str) -> None:
    result = run("log", "shop", path)

    assert result.exit_code == 1
    assert f"none of the versions 1 to 4 has a table or column {path}." in result.stderr


def test_a_name_that_is_nearly_right_is_suggested(kept: Shop, run: Run) -> None:
    assert "Did you mean public.purchases" in run("log", "shop", "public.purchase").stderr


@pytest.mark.parametrize("path", ["orders", "a.b.c.d.e", "a..b", '"a.b', '"a"b.c'])
def test_what_is_no_path_is_wrong_usage(kept: Shop, run: Run, path: str) -> None:
    assert run("log", "shop", path).exit_code == 2


def test_two_versions_that_are_no_neighbours_are_compared(kept: Shop, run: Run) -> None:
    result = run("diff", "shop", "--version", "1..4", "--format", "jsonl")

    rows = [json.loads(line) for line in result.stdout.splitlines()]
    updated = [row for row in rows if row["change"] == "UPDATED" and row["entity"] == "columns"]
    assert [(row["column"], row["before"], row["after"]) for row in updated] == [
        # SQLite's ids do not last, so that names say which table is which.
        ("status", "text", "json")
    ]
    assert [row["table"] for row in rows if row["change"] == "DELETED" and "column" not in row] == [
        "b"
    ]


def test_a_diff_of_one_table_has_only_its_rows(kept: Shop, run: Run) -> None:
    result = run("diff", "shop", "--table", "public.purchases", "--format", "jsonl")

    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert {row["table"] for row in rows} == {"purchases"}
    assert len(rows) == 1


@pytest.mark.parametrize("versions", ["4..1", "1..9", "x..2", "1..", "2...3"])
def test_versions_that_cannot_be_compared_are_refused(kept: Shop, run: Run, versions: str) -> None:
    assert run("diff", "shop", "--version", versions).exit_code in (1, 2)
