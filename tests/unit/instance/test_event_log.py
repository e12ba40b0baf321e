"""The event log of an opened instance: as Dagster writes it, on one connection per file."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import Connection, Engine, event

from incremental_assets.instance.event_log import AT_ONCE, KeptEventLog, log_together
from incremental_assets.instance.home import Home, open_instance, prepare_home

OTHERS = """
event_log_storage:
  module: dagster._core.storage.event_log
  class: ConsolidatedSqliteEventLogStorage
  config: {base_dir: %s}
"""


@dg.asset
def product() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows": 3})


@pytest.fixture
def connected() -> Iterator[Counter[str]]:
    """How often each file was connected to."""
    files: Counter[str] = Counter()

    def note(_dialect: object, _record: object, arguments: list[str], _more: object) -> None:
        files[Path(arguments[0]).name] += 1

    event.listen(Engine, "do_connect", note)
    yield files
    event.remove(Engine, "do_connect", note)


def test_all_events_of_a_file_are_written_on_the_same_connections(
    tmp_path: Path, connected: Counter[str]
) -> None:
    with open_instance(Home(tmp_path, None)) as instance:
        connected.clear()
        run_id = dg.materialize([product], instance=instance).run_id

    # Making the tables takes a second one.
    assert connected[f"{run_id}.db"] <= 2
    assert connected["index.db"] <= 2


def test_the_events_are_where_dagster_looks_for_them(tmp_path: Path) -> None:
    with open_instance(Home(tmp_path, None)) as instance:
        run_id = dg.materialize([product], instance=instance).run_id
        with dg.DagsterInstance.from_config(str(tmp_path)) as dagsters_own:
            while_open = dagsters_own.all_logs(run_id)
    with dg.DagsterInstance.from_config(str(tmp_path)) as dagsters_own:
        assert dagsters_own.all_logs(run_id) == while_open
        (found,) = dagsters_own.fetch_materializations(product.key, limit=5).records

    assert found.asset_materialization
    assert found.asset_materialization.metadata["rows"].value == 3
    assert not list(tmp_path.rglob("*-wal"))


def test_a_failed_write_leaves_the_connection_usable(tmp_path: Path) -> None:
    with open_instance(Home(tmp_path, None)) as instance:
        log = instance.event_log_storage
        assert isinstance(log, KeptEventLog)
        with pytest.raises(ZeroDivisionError), log.index_connection():
            raise ZeroDivisionError

        assert dg.materialize([product], instance=instance).success


def test_a_log_that_is_kept_elsewhere_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text(OTHERS % (tmp_path / "events"))

    with open_instance(Home(tmp_path, None)) as instance:
        assert not isinstance(instance.event_log_storage, KeptEventLog)
        assert dg.materialize([product], instance=instance).success


TABLES = 2 * AT_ONCE + 1


@dg.asset
def reporting(context: dg.AssetExecutionContext) -> None:
    log_together(
        context.instance,
        context.log_event,
        [dg.AssetMaterialization(f"t{n}", metadata={"n": n}) for n in range(TABLES)],
    )


def test_many_events_are_a_few_transactions(tmp_path: Path) -> None:
    commits: Counter[str] = Counter()

    def note(connection: Connection) -> None:
        commits[Path(str(connection.engine.url.database)).name] += 1

    # As where the UI launches a run: nobody opened the instance through us.
    prepare_home(Home(tmp_path, None))
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        event.listen(Engine, "commit", note)
        try:
            run = dg.materialize([reporting], instance=instance)
        finally:
            event.remove(Engine, "commit", note)

    assert run.success
    assert commits["index.db"] < AT_ONCE
    assert commits[f"{run.run_id}.db"] < AT_ONCE
    with dg.DagsterInstance.from_config(str(tmp_path)) as dagsters_own:
        logged = dagsters_own.all_logs(
            run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
        )
        found = dagsters_own.get_latest_materialization_events(
            [dg.AssetKey(f"t{n}") for n in range(TABLES)]
        )
    keys = [one.dagster_event.asset_key.path[-1] for one in logged if one.dagster_event]
    assert keys == [*(f"t{n}" for n in range(TABLES)), "reporting"]
    assert all(
        latest and latest.asset_materialization.metadata["n"].value == int(key.path[-1][1:])
        for key, latest in found.items()
    )


def test_a_transaction_that_fails_writes_nothing_and_lets_others_write(tmp_path: Path) -> None:
    with open_instance(Home(tmp_path, None)) as instance:
        log = instance.event_log_storage
        assert isinstance(log, KeptEventLog)

        def half() -> None:
            with log.in_one_transaction():
                instance.report_runless_asset_event(dg.AssetMaterialization("half"))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            half()
        instance.report_runless_asset_event(dg.AssetMaterialization("whole"))

        assert instance.get_latest_materialization_event(dg.AssetKey("half")) is None
        assert instance.get_latest_materialization_event(dg.AssetKey("whole"))


def test_another_thread_writes_after_a_transaction_not_within_it(tmp_path: Path) -> None:
    with open_instance(Home(tmp_path, None)) as instance, ThreadPoolExecutor(1) as other:
        log = instance.event_log_storage
        assert isinstance(log, KeptEventLog)

        def fail_beside() -> Future[None]:
            report = instance.report_runless_asset_event
            with suppress(ZeroDivisionError), log.in_one_transaction():
                theirs = other.submit(report, dg.AssetMaterialization("theirs"))
                raise ZeroDivisionError
            return theirs

        fail_beside().result()

        assert instance.get_latest_materialization_event(dg.AssetKey("theirs"))
