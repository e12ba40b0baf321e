"""The job of a connection, run in this process on a SQLite file."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest

from incremental_assets.cli.running import Refresher
from incremental_assets.naming import EXTRACTION_TAG, partitions_name
from tests.live import NAME, attempt, current, refresh, refreshing
from tests.sources import postgresql

DIFF = "incremental_diff"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    tables = "".join(f"create table t{n} (id integer primary key, note text);" for n in range(30))
    ddl(path, tables)
    return path


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def shop(database: Path, instance: dg.DagsterInstance) -> Iterator[Refresher]:
    with refreshing(f"sqlite:///{database}", instance=instance) as refresher:
        yield refresher


def ddl(path: Path, statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(statements)


def materialized(instance: dg.DagsterInstance, asset: str) -> dict[str, object]:
    event = instance.get_latest_materialization_event(dg.AssetKey([NAME, asset]))
    assert event is not None
    assert event.asset_materialization is not None
    return {key: value.value for key, value in event.asset_materialization.metadata.items()}


def test_the_first_refresh_reads_everything_in_batches(
    shop: Refresher, instance: dg.DagsterInstance
) -> None:
    outcome = refresh(shop)

    assert (outcome.mode, outcome.version, outcome.tables_read) == ("full", 1, 30)
    assert outcome.counts == {"databases": 1, "schemas": 1, "tables": 30, "columns": 60}
    assert materialized(instance, "columns")["batches read now"] == 3
    keys = instance.get_dynamic_partitions(partitions_name(NAME))
    assert len(keys) == 3
    batches = dg.AssetKey([NAME, "column_batches"])
    assert instance.get_materialized_partitions(batches) == set(keys)


def test_a_diff_shows_the_first_changes_of_every_entity(
    fresh_database: str, instance: dg.DagsterInstance
) -> None:
    live = postgresql(fresh_database)
    live.ddl(
        "create table item (id integer)",
        "create function hello() returns integer language sql as 'select 1'",
    )
    with refreshing(fresh_database, instance=instance) as refresher:
        refresh(refresher)
        assert not any(key.startswith("first") for key in materialized(instance, DIFF))
        live.ddl("drop function hello", "alter table item alter id type bigint")
        refresh(refresher)
        shown = materialized(instance, DIFF)
    tables = {key: value for key, value in shown.items() if key.startswith("first changed")}
    assert set(tables) == {"first changed columns", "first changed procedures"}
    database = current(refresher).scan("databases").collect()["database"][0]
    assert str(tables["first changed procedures"]).splitlines() == [
        "| change | procedure | what |",
        "| --- | --- | --- |",
        f"| DELETED | {database}.public.hello() FUNCTION | integer |",
    ]
    changed = f'| UPDATED | {database}.public.item.id | data_type: "integer" → "bigint" |'
    assert changed in str(tables["first changed columns"]).splitlines()


def test_a_second_refresh_lists_nothing_and_moves_the_marker(
    shop: Refresher, instance: dg.DagsterInstance
) -> None:
    refresh(shop)
    before = shop.store(NAME).head()

    outcome = refresh(shop)

    after = shop.store(NAME).head()
    assert (outcome.mode, outcome.changed, outcome.version) == ("unchanged", False, 1)
    assert after.head.marker > before.head.marker
    assert (after.head.revision, after.head.manifest) == (2, before.head.manifest)
    assert materialized(instance, "columns") == {
        "changed": False,
        "version": 1,
        "dagster/row_count": 60,
    }


def test_a_change_is_read_alone(shop: Refresher, database: Path) -> None:
    refresh(shop)
    ddl(database, "alter table t7 add column price real;")

    outcome = refresh(shop)

    assert (outcome.mode, outcome.tables_read, outcome.version) == ("incremental", 1, 2)
    assert outcome.changes["columns"] == {"CREATED": 1}


def test_full_reads_everything_but_makes_no_version_of_nothing(shop: Refresher) -> None:
    refresh(shop)

    outcome = refresh(shop, full=True)

    assert (outcome.mode, outcome.tables_read, outcome.version) == ("full", 30, 1)


def test_a_dry_run_tells_the_diff_and_leaves_no_trace(
    shop: Refresher, database: Path, instance: dg.DagsterInstance
) -> None:
    refresh(shop)
    head, keys = shop.store(NAME).head(), instance.get_dynamic_partitions(partitions_name(NAME))
    ddl(database, "drop table t7;")

    outcome = refresh(shop, dry_run=True)

    assert outcome.diff["tables"].select("table", "change").rows() == [("t7", "DELETED")]
    assert shop.store(NAME).head() == head
    assert instance.get_dynamic_partitions(partitions_name(NAME)) == keys
    assert [extraction.state for extraction in shop.store(NAME).extractions()] == [
        "committed",
        "abandoned",
    ]


def test_too_many_deletions_stop_until_a_person_accepts_them(
    database: Path, instance: dg.DagsterInstance
) -> None:
    with refreshing(f"sqlite:///{database}", instance=instance, deletion_guard_percent=20) as shop:
        refresh(shop)
        head = shop.store(NAME).head()
        ddl(database, "".join(f"drop table t{n};" for n in range(7)))

        refused = attempt(shop)
        assert not refused.ok
        assert "--accept-deletions" in refused.error
        assert "accept_deletions: true" in refused.error
        assert shop.store(NAME).head() == head

        ddl(database, "drop table t8;")
        beyond = attempt(shop, accept_deletions=True)
        assert not beyond.ok
        assert shop.store(NAME).head() == head

        assert refresh(shop, accept_deletions=True).changes["tables"] == {"DELETED": 8}


def test_accepting_without_a_refusal_accepts_nothing(
    database: Path, instance: dg.DagsterInstance
) -> None:
    with refreshing(f"sqlite:///{database}", instance=instance, deletion_guard_percent=20) as shop:
        refresh(shop)
        ddl(database, "".join(f"drop table t{n};" for n in range(7)))

        assert not attempt(shop, accept_deletions=True).ok


def test_a_source_that_is_not_there_writes_nothing(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    with refreshing(f"sqlite:///{tmp_path}/missing.db", instance=instance) as shop:
        outcome = attempt(shop)

        assert not outcome.ok
        assert "missing.db" in outcome.error
        assert shop.store(NAME).objects.list("") == []


def test_versions_beyond_retention_and_old_working_files_go(
    database: Path, instance: dg.DagsterInstance
) -> None:
    with refreshing(f"sqlite:///{database}", instance=instance, retain_versions=2) as shop:
        for number in range(4):
            ddl(database, f"create table n{number} (id int);")
            refresh(shop)
        store = shop.store(NAME)

        assert [version.number for version in store.history()] == [4, 3]
        assert len(store.extractions()) == 2
        keys = instance.get_dynamic_partitions(partitions_name(NAME))
        assert {key.rpartition("-")[0] for key in keys} == {one.id for one in store.extractions()}


def test_a_narrowed_scope_puts_tables_out_of_scope_not_away(
    database: Path, instance: dg.DagsterInstance, shop: Refresher
) -> None:
    refresh(shop)
    objects = shop.store(NAME).objects

    with refreshing(
        f"sqlite:///{database}", objects, exclude_tables="t1.*", deletion_guard_percent=20
    ) as narrowed:
        outcome = refresh(narrowed)
        assert outcome.changes["tables"] == {"OUT_OF_SCOPE": 11}
        assert current(narrowed).rows("tables") == 19
    with refreshing(f"sqlite:///{database}", objects) as widened:
        assert refresh(widened).changes["tables"] == {"BACKFILL": 11}


def test_the_runs_tag_names_its_extraction(shop: Refresher, instance: dg.DagsterInstance) -> None:
    outcome = refresh(shop)

    run = instance.get_run_by_id(outcome.run_id)
    assert run.tags[EXTRACTION_TAG] == shop.store(NAME).head().head.extraction
    assert run.run_config["ops"]["shop__extraction"]["config"]["full"] is False
