"""Whichever entities a connection has, all that can be done with it can be done: refreshes, in one
run and in many, rollbacks, exports; and entities may come and go.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from click.testing import CliRunner

from incremental_assets.build import build_definitions
from incremental_assets.cli.app import main
from incremental_assets.cli.running import Refresher
from incremental_assets.steps.rolling_back import roll_back
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.memory import MemoryObjects
from incremental_resources.state_store.resource import states_resource
from tests.entities import SUBSETS
from tests.live import (
    NAME,
    State,
    current,
    differences,
    refresh,
    refreshing,
    reread,
    state,
    written_config,
)
from tests.sources import SOURCES, Live, catalogue

# What an option may change in how entities are read.
VARIANTS: dict[str, Mapping[str, Any]] = {
    "plain": {},
    "narrowed": {"exclude_views": True, "exclude_empty_tables": True, "partitions": "list"},
}
CHANGES = ("alter table product add column price integer", "create table more (id integer)")
FILLED = ("insert into product (id, name) values (1, 'pen')",)


@pytest.fixture(params=VARIANTS)
def options(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    return {"lineage": {"include": {}}, **VARIANTS[request.param]}


@pytest.fixture
def live(request: pytest.FixtureRequest, name: str) -> Live:
    source = SOURCES[name](request)
    source.ddl(*catalogue(name), *FILLED)
    return source


def url_of(live: Live) -> str:
    return live.url.render_as_string(hide_password=False)


def fresh(live: Live, **settings: Any) -> State:
    """What a first refresh reaches."""
    with refreshing(url_of(live), **settings) as refresher:
        refresh(refresher)
        return state(current(refresher))


def assert_as_fresh(refresher: Refresher, live: Live, **settings: Any) -> None:
    reached, wanted = state(current(refresher)), fresh(live, **settings)
    assert list(reached) == list(wanted) == list(settings["entities"])
    assert differences(reached, wanted) == {}


@pytest.mark.parametrize(("name", "entities"), SUBSETS)
def test_they_are_refreshed_rolled_back_exported(
    live: Live, entities: tuple[str, ...], options: Mapping[str, Any], tmp_path: Path
) -> None:
    settings = {"entities": entities, **options}
    objects = LocalObjects(tmp_path / "catalog")
    with refreshing(url_of(live), objects, **settings) as refresher:
        refresh(refresher)
        assert refresh(refresher).changed is False
        assert "columns" in entities or reread(refresher) == []
        live.ddl(*CHANGES)
        assert refresh(refresher).version == 2
        assert_as_fresh(refresher, live, **settings)
        # The tables of the state are shown, whatever is known of them.
        dg.Definitions.validate_loadable(build_definitions(refresher.config, objects=objects))

        assert roll_back(refresher.store(NAME), live.dialect, 1)
        assert refresh(refresher).version == 4
        assert_as_fresh(refresher, live, **settings)
        last = state(current(refresher))

    config = written_config(tmp_path / "connections.yaml", url_of(live), entities=list(entities))
    exporting = ["--config", str(config), "export", NAME, "--format", "parquet", "--output"]
    for entity in ("databases", "schemas", "tables", "columns", "procedures"):
        output = tmp_path / f"{entity}.parquet"
        told = CliRunner().invoke(main, [*exporting, str(output), "--entity", entity])
        if entity in entities:
            assert told.exit_code == 0, told.output
            assert pl.read_parquet(output).equals(last[entity].collect())
        else:
            assert told.exit_code == 1
            assert f"has no {entity}; it has databases, schemas, tables" in told.output


@pytest.mark.parametrize(("name", "entities"), SUBSETS)
def test_they_are_refreshed_in_many_runs(
    live: Live, entities: tuple[str, ...], options: Mapping[str, Any], tmp_path: Path
) -> None:
    settings = {"entities": entities, **options}
    objects = LocalObjects(tmp_path / "catalog")
    with (
        dg.DagsterInstance.ephemeral() as instance,
        refreshing(url_of(live), objects, instance, fan_out="runs", **settings) as refresher,
    ):
        overrides = {"states": states_resource(lambda: objects)}
        for version, changes in ((1, ()), (2, CHANGES)):
            live.ddl(*changes)
            fan_out(build_definitions(refresher.config, overrides, objects=objects), instance)
            assert current(refresher).number == version
            assert_as_fresh(refresher, live, **settings)


def fan_out(definitions: dg.Definitions, instance: dg.DagsterInstance) -> None:
    """The plan, and the runs that its sensor asks for, until it asks for none."""
    run_job(definitions, instance, f"{NAME}_plan")
    sensor = definitions.resolve_sensor_def(f"{NAME}_fan_out_sensor")
    for _ in range(9):
        resources = definitions.resources or {}
        with dg.build_sensor_context(instance=instance, resources=resources) as context:
            asked: Any = sensor(context)
        if isinstance(asked, dg.SkipReason):
            assert asked.skip_message == f"No extraction of {NAME}_plan is open."
            return
        for request in asked:
            more = {"partition_key": request.partition_key, "tags": dict(request.tags)}
            run_job(definitions, instance, request.job_name, **more)
    raise AssertionError("no end")


def run_job(
    definitions: dg.Definitions, instance: dg.DagsterInstance, job: str, **more: Any
) -> None:
    found = definitions.resolve_job_def(job)
    assert found.execute_in_process(instance=instance, raise_on_error=False, **more).success


@pytest.mark.parametrize(("name", "entities"), SUBSETS)
def test_they_may_be_left_out_and_taken_in_again(live: Live, entities: tuple[str, ...]) -> None:
    objects, everything = MemoryObjects(), live.dialect.entities
    for chosen in (everything, entities, everything):
        with refreshing(url_of(live), objects, entities=chosen) as refresher:
            refresh(refresher)
            assert_as_fresh(refresher, live, entities=chosen)
