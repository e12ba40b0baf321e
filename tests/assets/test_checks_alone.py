"""The checks of ``current_state`` run by themselves, as the button of their page does."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest

from incremental_assets.build import build_definitions
from incremental_assets.steps.rolling_back import roll_back
from incremental_resources.source.dialect import dialect_for
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.store import StateStore
from tests.live import NAME, configured


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def definitions(tmp_path: Path) -> dg.Definitions:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as source:
        source.execute("create table orders (id integer primary key)")
    state, url = tmp_path / "catalog", f"sqlite:///{tmp_path / 'shop.db'}"
    config = configured(url, state=state, deletion_guard_percent=30)
    return build_definitions(config, lineage=False)


@pytest.fixture
def checks(definitions: dg.Definitions) -> dg.JobDefinition:
    chosen = dg.AssetSelection.checks_for_assets(dg.AssetKey([NAME, "current_state"]))
    job = dg.define_asset_job("checks", selection=chosen, executor_def=dg.in_process_executor)
    return dg.Definitions.merge(definitions, dg.Definitions(jobs=[job])).resolve_job_def("checks")


def test_they_look_at_the_current_version(
    definitions: dg.Definitions,
    checks: dg.JobDefinition,
    instance: dg.DagsterInstance,
    tmp_path: Path,
) -> None:
    job = definitions.resolve_job_def(f"{NAME}_refresh")
    for _ in range(2):
        assert job.execute_in_process(instance=instance).success
        results = checks.execute_in_process(instance=instance).get_asset_check_evaluations()
        assert [one.passed for one in results] == [True] * 5

    (tables,) = (tmp_path / "catalog" / NAME / "versions").rglob("tables.parquet")
    tables.write_bytes(b"damaged")
    with pytest.raises(dg.Failure, match=f"{tables.name} is not what version 1 was committed with"):
        checks.execute_in_process(instance=instance)
    failed = checks.execute_in_process(instance=instance, raise_on_error=False)
    (files,) = failed.get_asset_check_evaluations()
    assert (files.check_name, files.passed) == ("files_agree", False)
    assert tables.name in str(files.description)


def test_an_extraction_that_stands_still_is_nothing_to_look_at(
    definitions: dg.Definitions, checks: dg.JobDefinition, instance: dg.DagsterInstance
) -> None:
    job = definitions.resolve_job_def(f"{NAME}_refresh")
    begun = job.get_subset(asset_selection={dg.AssetKey([NAME, "extraction"])})
    assert begun.execute_in_process(instance=instance).success
    with pytest.raises(dg.Failure, match=f"Run the job {NAME}_refresh"):
        checks.execute_in_process(instance=instance)

    assert job.execute_in_process(instance=instance).success
    config = {"ops": {f"{NAME}__extraction": {"config": {"full": True}}}}
    assert begun.execute_in_process(run_config=config, instance=instance).success
    results = checks.execute_in_process(instance=instance).get_asset_check_evaluations()
    assert [one.passed for one in results] == [True] * 5


def test_what_a_person_accepted_is_not_refused_again(
    tmp_path: Path,
    definitions: dg.Definitions,
    checks: dg.JobDefinition,
    instance: dg.DagsterInstance,
) -> None:
    job = definitions.resolve_job_def(f"{NAME}_refresh")
    assert job.execute_in_process(instance=instance).success
    with closing(sqlite3.connect(tmp_path / "shop.db")) as source:
        source.execute("drop table orders")
    refused = job.execute_in_process(instance=instance, raise_on_error=False)
    assert not refused.success
    (guarded,) = (
        one
        for one in refused.get_asset_check_evaluations()
        if one.check_name == "deletions_plausible"
    )
    shown = {name: value.value for name, value in guarded.metadata.items()}
    first, *rest = shown.pop("message")
    assert "too much disappeared at once" in first
    # A page runs the lines of a text together.
    assert f"  incremental-assets refresh {NAME} --accept-deletions" in rest
    assert str(shown.pop("gone")).splitlines()[-1] == "| table | shop.main.orders |"
    entities = ("databases", "schemas", "tables", "columns", "procedures")
    assert shown == {f"gone {name}": int(name == "tables") for name in entities}
    with pytest.raises(dg.Failure, match="too much disappeared at once"):
        checks.execute_in_process(instance=instance)

    config = {"ops": {f"{NAME}__extraction": {"config": {"accept_deletions": True}}}}
    assert job.execute_in_process(run_config=config, instance=instance).success
    results = checks.execute_in_process(instance=instance).get_asset_check_evaluations()
    assert [one.passed for one in results] == [True] * 5


def test_one_of_them_is_enough(
    definitions: dg.Definitions, checks: dg.JobDefinition, instance: dg.DagsterInstance
) -> None:
    job = definitions.resolve_job_def(f"{NAME}_refresh")
    assert job.execute_in_process(instance=instance).success
    name = dg.AssetCheckKey(dg.AssetKey([NAME, "current_state"]), "files_agree")
    alone = checks.get_subset(asset_check_selection={name})
    results = alone.execute_in_process(instance=instance).get_asset_check_evaluations()
    assert [(one.check_name, one.passed) for one in results] == [("files_agree", True)]


def test_without_a_version_they_say_what_to_do(
    checks: dg.JobDefinition, instance: dg.DagsterInstance
) -> None:
    with pytest.raises(dg.Failure, match=f"Run the job {NAME}_refresh"):
        checks.execute_in_process(instance=instance)


def test_after_a_rollback_they_say_what_they_can(
    definitions: dg.Definitions,
    checks: dg.JobDefinition,
    instance: dg.DagsterInstance,
    tmp_path: Path,
) -> None:
    job = definitions.resolve_job_def(f"{NAME}_refresh")
    assert job.execute_in_process(instance=instance).success
    with closing(sqlite3.connect(tmp_path / "shop.db")) as source:
        source.execute("create table more (id integer)")
    assert job.execute_in_process(instance=instance).success
    store = StateStore(LocalObjects(tmp_path / "catalog"), NAME)
    assert roll_back(store, dialect_for("sqlite://"), 1)

    results = checks.execute_in_process(instance=instance).get_asset_check_evaluations()

    assert [one.passed for one in results] == [True] * 5
    told = {one.check_name: one.description or "" for one in results}
    assert "nothing to judge" in told["deletions_plausible"]
    assert "nothing to judge" not in told["files_agree"]

    (tables,) = (tmp_path / "catalog" / NAME).glob("versions/00000003*/tables.parquet")
    tables.unlink()
    failed = checks.execute_in_process(instance=instance, raise_on_error=False)
    assert not failed.get_asset_check_evaluations()[0].passed
