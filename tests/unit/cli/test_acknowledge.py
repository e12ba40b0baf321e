"""``acknowledge`` and the job that does the same: what they say, and what ``status`` says then."""

import json
import sqlite3
from contextlib import closing

import dagster as dg
import pytest

from incremental_assets.build import build_definitions
from incremental_assets.config.loading import load_config
from incremental_assets.instance.home import Home, open_instance
from tests.shop_versions import Run, Shop

RULES = "watch: [{name: orders, tables: 'main.orders'}, {tables: 'main\\..*', on: [table_deleted]}]"


@pytest.fixture
def broken(shop: Shop, run: Run) -> Shop:
    """The same with a rule that fails: a column is gone."""
    (shop.directory / "connections.yaml").write_text(
        f"connections: [{{name: shop, url: 'sqlite:///shop.db', {RULES}}}]\n"
    )
    assert run("refresh", "shop").exit_code == 0
    with closing(sqlite3.connect(shop.directory / "shop.db")) as source:
        source.execute("alter table orders drop column note")
    refreshed = run("refresh", "shop")
    assert refreshed.exit_code == 0, refreshed.output
    return shop


def failing(run: Run) -> list[dict[str, object]]:
    (status,) = json.loads(run("status", "shop", "--json").stdout)["connections"]
    return [{**rule, "breaks": len(rule["breaks"])} for rule in status["watch"]]


def passed(shop: Shop, check: str) -> bool:
    key = dg.AssetCheckKey(dg.AssetKey(["shop", "marker"]), check)
    with open_instance(Home(shop.directory / "home", None)) as instance:
        found = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    return bool(found.event.dagster_event.asset_check_evaluation_data.passed)


def test_status_names_what_broke_and_since_when(broken: Shop, run: Run) -> None:
    assert failing(run) == [{"rule": "watch_orders", "severity": "error", "breaks": 1}]
    text = run("status", "shop").stdout
    assert "watch_orders: 1 since version 2" in text
    assert "column_deleted shop.main.orders.note" in text


@pytest.mark.parametrize("rules", [(), ("orders",), ("watch_orders",)], ids=str)
def test_acknowledged_rules_hold(broken: Shop, run: Run, rules: tuple[str, ...]) -> None:
    assert not passed(broken, "watch_orders")
    result = run("acknowledge", "shop", *rules, "--reason", "agreed")
    assert result.exit_code == 0, result.output
    assert "shop: watch_orders compares with version 2 from now on." in result.stdout
    assert failing(run) == []
    assert passed(broken, "watch_orders")
    assert run("refresh", "shop").exit_code == 0
    assert passed(broken, "watch_orders")


def test_the_job_acknowledges_too(broken: Shop, run: Run) -> None:
    definitions = build_definitions(load_config(broken.directory / "connections.yaml"))
    job = definitions.resolve_job_def("shop_acknowledge")
    config = {"ops": {"shop__acknowledge": {"config": {"rules": ["orders"], "reason": "agreed"}}}}
    with open_instance(Home(broken.directory / "home", None)) as instance:
        assert job.execute_in_process(run_config=config, instance=instance).success
    assert failing(run) == []
    assert passed(broken, "watch_orders")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("shop", "nowhere"), "shop has no watch rule 'nowhere'. There is: watch_orders, watch_"),
        (("elsewhere",), "elsewhere"),
    ],
)
def test_what_is_not_there_is_named(
    broken: Shop, run: Run, arguments: tuple[str, ...], told: str
) -> None:
    result = run("acknowledge", *arguments)
    assert result.exit_code == 1
    assert told in result.stderr
    assert len(failing(run)) == 1


def test_without_a_version_there_is_nothing_to_acknowledge(shop: Shop, run: Run) -> None:
    (shop.directory / "connections.yaml").write_text(
        f"connections: [{{name: shop, url: 'sqlite:///shop.db', {RULES}}}]\n"
    )
    result = run("acknowledge", "shop")
    assert result.exit_code == 1
    assert "no version yet" in result.stderr


def test_a_pattern_that_matches_nothing_is_named(broken: Shop, run: Run) -> None:
    path = broken.directory / "connections.yaml"
    path.write_text(path.read_text().replace("'main.orders'", "'main.order'"))
    checks = json.loads(run("check", "shop", "--json").stdout)["checks"]
    (found,) = (one for one in checks if one["check"] == "watch")
    assert found["result"] == "warn"
    assert "watch_orders: 'main.order' matches no table of version 2" in found["message"]
