"""``log`` over versions that are not kept any more: what it told of them while they were kept."""

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from incremental_assets.core.change import Comparison
from incremental_assets.core.diff import diff, first_summary, summary
from incremental_assets.core.scope import Scope
from incremental_resources.sinks.parquet.files import ChangeFiles
from incremental_resources.sinks.parquet.merging import Limits, tidy
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.store import StateStore
from tests.builders import column, schema, state, table
from tests.shop_versions import Run, Shop
from tests.states import MARKER

SAME = Comparison(
    Scope(), base_scope=Scope(), marker=MARKER, durable_ids=True, durable_ordinals=True
)
VERSIONS = 40
APPEARED = 5
PATHS = (
    *("public.purchases.state", "public.purchases", "public.orders", "public.orders.id"),
    *("public.baskets", "public.other", "public.gone", "public.baskets.status"),
)


def in_version(number: int) -> dict[str, pl.DataFrame]:
    """A table is called baskets, orders, purchases; its column status, then state; another table
    takes the name orders later; one is dropped; one has a new column in each version."""
    name = "baskets" if number < 10 else "orders" if number < 20 else "purchases"
    tables, columns = [table(name, "1")], [column(name, "id", 1)]
    if number >= APPEARED:
        kind = "text" if number < 15 else "varchar(40)"
        columns += [column(name, "status" if number < 25 else "state", 2, data_type=kind)]
    if number >= 30:
        tables, columns = [*tables, table("orders", "2")], [*columns, column("orders", "id", 1)]
    if number < 12:
        tables += [table("gone", "3")]
    tables += [table("other", "4")]
    columns += [column("other", f"c{more}", more) for more in range(1, number + 1)]
    return state(schemas=[schema()], tables=tables, columns=columns)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with all versions; making them takes seconds."""
    folder = tmp_path_factory.mktemp("made")
    shop = Shop(folder, StateStore(LocalObjects(folder), "shop"))
    previous: dict[str, pl.DataFrame] | None = None
    for number in range(1, VERSIONS + 1):
        now = in_version(number)
        changes = diff(previous, now, SAME) if previous else None
        counts = summary(changes) if changes else first_summary(now)
        shop.commit(now, counts, changes, at=MARKER + timedelta(days=number))
        previous = now
    return folder


@pytest.fixture
def forty(shop: Shop, made: Path) -> Shop:
    shutil.copytree(made / "shop", shop.directory / "catalog" / "shop")
    return shop


def log(run: Run, path: str) -> dict[str, Any]:
    result = run("log", "shop", path, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    # What was there when the log began has no row in it.
    found["changes"] = [one for one in found["changes"] if one["version"] > 1]
    return found


def test_a_year_later_log_tells_what_it_told_when_everything_was_kept(
    forty: Shop, run: Run
) -> None:
    told = {path: log(run, path) for path in PATHS}
    assert sum(len(one["changes"]) for one in told.values()) > 100
    assert run("prune", "shop", "--keep-versions", "2").exit_code == 0
    assert [version.number for version in forty.store.history()] == [40, 39]
    assert {path: log(run, path) for path in PATHS} == told
    # And so it does from files that were merged.
    files = ChangeFiles(forty.store.objects, "shop")
    assert tidy(files, Limits(pieces=8, untouched=2)) > 30
    assert {path: log(run, path) for path in PATHS} == told


def test_it_tells_when_a_column_appeared_under_its_first_name(forty: Shop, run: Run) -> None:
    run("prune", "shop", "--keep-versions", "2")
    changes = log(run, "public.purchases.state")["changes"]
    appeared = changes[-1]
    assert (appeared["version"], appeared["change"]) == (APPEARED, "CREATED")
    assert (appeared["table"], appeared["column"]) == ("baskets", "status")
    assert datetime.fromisoformat(appeared["until"]) == MARKER + timedelta(days=APPEARED)
    assert datetime.fromisoformat(appeared["since"]) == MARKER + timedelta(days=APPEARED - 1)
    assert [(one["version"], one["change"]) for one in changes[:-1]] == [
        (25, "RENAMED"),
        (15, "UPDATED"),
    ]


def test_it_says_since_when_it_knows(forty: Shop, run: Run) -> None:
    run("prune", "shop", "--keep-versions", "2")
    # As if a person had removed the first half of the log.
    files = ChangeFiles(forty.store.objects, "shop")
    files.forget(MARKER + timedelta(days=20, seconds=6))
    lines = run("log", "shop", "public.purchases").stdout.splitlines()
    since = (MARKER + timedelta(days=21)).strftime("%Y-%m-%d %H:%M:%S UTC")
    assert lines[-1] == f"Nothing older than version 21 is kept. That one is true as of {since}."


def test_prune_that_only_says_so_writes_nothing(forty: Shop, run: Run) -> None:
    before = forty.store.objects.list("shop")
    facts = json.loads(run("prune", "shop", "--keep-versions", "2", "--dry-run", "--json").stdout)
    assert len(facts["removed"]) >= VERSIONS - 2
    assert forty.store.objects.list("shop") == before


def test_prune_removes_nothing_that_the_log_could_not_be_told(forty: Shop, run: Run) -> None:
    # Nothing can be written there.
    (forty.directory / "catalog" / "shop" / "changes").write_text("")
    done = run("prune", "shop", "--keep-versions", "2")
    assert done.exit_code == 1
    assert done.stderr.startswith("Nothing was removed: the change log was not written. ")
    assert "_changes" not in done.stderr
    assert len(list(forty.store.history())) == VERSIONS
