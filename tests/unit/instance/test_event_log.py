"""The event log of an opened instance: as Dagster writes it, on one connection per file."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import Engine, event

from incremental_assets.instance.event_log import KeptEventLog
from incremental_assets.instance.home import Home, open_instance

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
