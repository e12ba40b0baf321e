"""``rollback`` and ``prune`` on the command line: what they say, exit codes, what they leave."""

import json
import sqlite3
from contextlib import closing
from datetime import timedelta

import dagster as dg
import pytest
from dagster._core.utils import make_new_run_id

from incremental_assets.instance.claims import process_tags
from incremental_assets.instance.home import Home, open_instance
from incremental_assets.naming import CONNECTION_TAG
from tests.shop_versions import SECOND, SECOND_CHANGES, Run, Shop
from tests.states import MARKER, opened, staged, tables


def numbers(run: Run) -> list[int]:
    """The versions that ``history`` shows, newest first."""
    content = json.loads(run("history", "shop", "--json").stdout)
    return [version["version"] for version in content["versions"]]


def test_a_rollback_says_what_it_did_and_what_will_undo_it(refreshed: Shop, run: Run) -> None:
    result = run("rollback", "shop", "1")
    assert result.exit_code == 0, result.output
    assert "shop: version 3 equals version 1, true as of 2026-01-31 12:00:00 UTC" in result.stdout
    assert "tables: 1 DELETED" in result.stdout
    assert "columns: 1 UPDATED, 1 DELETED" in result.stdout
    assert "The next refresh" in result.stdout
    assert "undoes this where the source still differs; the guard of deletions" in result.stdout
    assert "rollback to 1: " in run("history", "shop").stdout
    assert "compared with version 2, rollback to version 1" in run("diff", "shop").stdout


def test_a_rollback_as_json(refreshed: Shop, run: Run) -> None:
    facts = json.loads(run("rollback", "shop", "1", "--json").stdout)
    assert facts.pop("next_refresh").startswith("The next refresh")
    changes = facts.pop("changes")
    assert changes["tables"] == {"DELETED": 1}
    assert facts == {
        "connection": "shop",
        "changed": True,
        "version": 3,
        "rolled_back_to": 1,
        "parent": 2,
        "recovered": False,
        "marker": "2026-01-31T12:00:00.123456Z",
    }
    newest, *older = json.loads(run("history", "shop", "--json").stdout)["versions"]
    assert (newest["version"], newest["parent"], newest["rolled_back_to"]) == (3, 2, 1)
    assert [one["rolled_back_to"] for one in older] == [None, None]
    (status,) = json.loads(run("status", "shop", "--json").stdout)["connections"]
    assert (status["version"], status["marker"]) == (3, "2026-01-31T12:00:00.123456Z")
    assert status["last_change"]["version"] == 3


def test_the_current_version_is_nothing_to_go_back_to(refreshed: Shop, run: Run) -> None:
    result = run("rollback", "shop", "2")
    assert (result.exit_code, "nothing was changed" in result.stdout) == (0, True)
    facts = json.loads(run("rollback", "shop", "2", "--json").stdout)
    told = {name: fact for name, fact in facts.items() if fact is not None}
    assert told == {"connection": "shop", "changed": False, "version": 2}
    assert numbers(run) == [2, 1]
    changed = json.loads(run("rollback", "shop", "1", "--json").stdout)
    assert list(changed) == list(facts)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["rollback", "shop", "9"], 1, "There is: 1, 2"),
        (["rollback", "other", "1"], 1, "no version yet"),
        (["rollback", "nothere", "1"], 1, "shop, other"),
        (["rollback", "shop"], 2, "N"),
        (["rollback", "shop", "first"], 2, "first"),
        (["prune", "nothere"], 1, "shop, other"),
        (["prune", "shop", "--keep-versions", "0"], 2, "0"),
    ],
)
def test_bad_input_changes_nothing(
    refreshed: Shop, run: Run, arguments: list[str], code: int, told: str
) -> None:
    before = refreshed.store.objects.list("")
    result = run(*arguments)
    assert result.exit_code == code
    assert told in result.stderr
    assert refreshed.store.objects.list("") == before


def test_a_live_run_is_named_and_nothing_is_changed(refreshed: Shop, run: Run) -> None:
    run_id = make_new_run_id()
    tags = {CONNECTION_TAG: "shop", **process_tags(run_id)}
    started = dg.DagsterRunStatus.STARTED
    with open_instance(Home(refreshed.directory / "home", None)) as instance:
        instance.add_run(dg.DagsterRun("shop_refresh", run_id=run_id, status=started, tags=tags))
        head = refreshed.store.head()
        result = run("rollback", "shop", "1")
        assert result.exit_code == 1
        assert f"StateConflict: Run {run_id} of shop is STARTED" in result.stderr
        assert refreshed.store.head() == head
        instance.report_run_failed(instance.get_run_by_id(run_id))
    assert run("rollback", "shop", "1").exit_code == 0


def test_a_rollback_that_the_ui_was_not_told_of_is_one(
    refreshed: Shop, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_arguments: object) -> None:
        raise OSError("No space left on device")

    with open_instance(Home(refreshed.directory / "home", None)) as instance:
        instance.add_run(dg.DagsterRun("theirs"))
    monkeypatch.setattr(dg.DagsterInstance, "report_runless_asset_event", failing)
    result = run("rollback", "shop", "1")
    assert result.exit_code == 0
    assert "was not told of it: OSError: No space left on device" in result.stderr
    assert numbers(run) == [3, 2, 1]


def test_the_message_about_damage_leads_to_the_rollback_that_recovers(
    refreshed: Shop, run: Run
) -> None:
    folder = refreshed.directory / "catalog" / "shop" / refreshed.store.find(2).folder
    (folder / "columns" / "part-00000.parquet").unlink()
    result = run("export", "shop", "--entity", "columns", "--format", "csv", "--output", "-")
    assert result.exit_code == 1
    assert "columns/part-00000.parquet is missing" in result.stderr
    assert "incremental-assets rollback shop 1" in result.stderr
    result = run("rollback", "shop", "1")
    assert result.exit_code == 0, result.output
    assert "is damaged" in result.stdout
    assert run("export", "shop", "--entity", "columns", "--format", "csv", "--output", "-").stdout


def test_a_refresh_on_top_of_a_rollback(shop: Shop, run: Run) -> None:
    assert run("refresh", "shop").exit_code == 0
    with closing(sqlite3.connect(shop.directory / "shop.db")) as source:
        source.execute("create table invoice (id integer)")
    assert run("refresh", "shop").exit_code == 0
    facts = json.loads(run("rollback", "shop", "1", "--json").stdout)
    assert facts["next_refresh"].startswith("The next refresh compares every token")
    with open_instance(Home(shop.directory / "home", None)) as instance:
        records = instance.fetch_materializations(dg.AssetKey(["shop", "marker"]), 5).records
    event, before, *_ = (one.asset_materialization for one in records)
    assert event is not None
    assert before is not None
    told = event.metadata
    # What conditions of others see: the head moved.
    assert {"dagster/data_version"} <= set(event.tags or ()) & set(before.tags or ())
    assert event.tags["dagster/data_version"] != before.tags["dagster/data_version"]
    assert (told["version"].value, told["rolled back to"].value) == (3, 1)
    (outcome,) = json.loads(run("refresh", "shop", "--json").stdout)["connections"]
    assert (outcome["mode"], outcome["version"]) == ("incremental", 4)
    assert outcome["changes"]["tables"] == {"CREATED": 1}
    assert outcome["tables_read"] == 1
    assert numbers(run) == [4, 3, 2, 1]


def test_after_a_rollback_the_pages_of_tables_show_what_they_are_now(shop: Shop, run: Run) -> None:
    (shop.directory / "connections.yaml").write_text(
        "connections: [{name: shop, url: sqlite:///shop.db, lineage: {include: {}}}]\n"
    )
    statements = ("create table still (id integer)", "alter table orders add column price real")
    for statement in statements:
        with closing(sqlite3.connect(shop.directory / "shop.db")) as source:
            source.execute(statement)
        assert run("refresh", "shop").exit_code == 0
    assert run("rollback", "shop", "1").exit_code == 0
    with open_instance(Home(shop.directory / "home", None)) as instance:
        told = {
            table: [
                record.asset_materialization
                for record in instance.fetch_materializations(
                    dg.AssetKey(["shop", "shop", "main", table]), 10
                ).records
            ]
            for table in ("orders", "still")
        }
    shown = [
        (one.metadata["version"].value, len(one.metadata["dagster/column_schema"].schema.columns))
        for one in told["orders"]
    ]
    assert shown == [(3, 2), (2, 3), (1, 2)]
    assert len(told["still"]) == 1


def test_prune_removes_what_it_announced(refreshed: Shop, run: Run) -> None:
    for hours in (2, 3):
        refreshed.commit(SECOND, SECOND_CHANGES, at=MARKER + timedelta(hours=hours))
    there = refreshed.store.objects.list("shop/versions")
    announced = json.loads(
        run("prune", "shop", "--keep-versions", "2", "--dry-run", "--json").stdout
    )
    assert refreshed.store.objects.list("shop/versions") == there
    gone = [one["name"] for one in announced["removed"] if one["kind"] == "version"]
    assert [name[:8] for name in gone] == ["00000001", "00000002"]
    result = run("prune", "shop", "--keep-versions", "2")
    assert result.exit_code == 0
    for name in gone:
        assert name in result.stdout
    left = refreshed.store.objects.list("shop/versions")
    removed = [path for path in there if path not in left]
    assert {path.split("/")[2] for path in removed} == set(gone)
    assert numbers(run) == [4, 3]
    assert "removed nothing" in run("prune", "shop", "--keep-versions", "2").stdout


def test_prune_counts_the_bytes_that_are_in_the_files(refreshed: Shop, run: Run) -> None:
    folder = refreshed.directory / "catalog" / "shop" / refreshed.store.find(1).folder
    there = sum(at.stat().st_size for at in folder.rglob("*") if at.is_file())
    facts = json.loads(run("prune", "shop", "--keep-versions", "1", "--json").stdout)
    assert [one["bytes"] for one in facts["removed"]] == [there]
    assert (facts["bytes"], facts["dry_run"]) == (there, False)
    assert not folder.exists()


def test_prune_keeps_what_the_option_says_and_what_may_still_commit(
    refreshed: Shop, run: Run
) -> None:
    candidate = opened(refreshed.store, "candidate", refreshed.store.head())
    version = staged(refreshed.store, candidate, tables("t"), refreshed.store.current())
    assert run("prune", "shop").exit_code == 0
    assert numbers(run) == [2, 1]
    assert run("prune", "shop", "--keep-versions", "1").exit_code == 0
    assert refreshed.store.version(version.ref).number == 3
    assert "candidate" in [one.id for one in refreshed.store.extractions()]
    assert run("prune", "other").exit_code == 0


def test_what_is_shown_of_the_listings_goes_back_too(refreshed: Shop, run: Run) -> None:
    # Nothing is shown where Dagster was never used.
    open_instance(Home(refreshed.directory / "home", None)).dispose()
    assert run("rollback", "shop", "1").exit_code == 0
    (status,) = json.loads(run("status", "shop", "--json").stdout)["connections"]

    with open_instance(Home(refreshed.directory / "home", None)) as instance:
        for entity, count in status["counts"].items():
            event = instance.get_latest_materialization_event(dg.AssetKey(["shop", entity]))
            assert event is not None
            assert event.asset_materialization is not None
            shown = event.asset_materialization.metadata
            assert shown["dagster/row_count"].value == count
            assert (shown["committed"].value, shown["version"].value) == (True, 3)
