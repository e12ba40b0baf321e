"""``refresh`` on the command line: exit codes, messages, and nothing written on bad input."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pytest
from click.testing import CliRunner, Result

from incremental_assets.cli.app import main
from incremental_assets.cli.commands.refresh import show
from incremental_assets.cli.running import Outcome, RefreshRequest
from incremental_resources.state_store.errors import StoreUnavailable
from incremental_resources.state_store.memory import MemoryObjects
from incremental_resources.state_store.objects import ObjectStore
from tests.live import NAME, refreshing
from tests.watched import Operation, Watched


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.delenv("INCREMENTAL_ASSETS_CONFIG", raising=False)
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.execute("create table orders (id integer primary key)")
    configure(tmp_path, "{name: shop, url: 'sqlite:///./shop.db'}")
    return tmp_path


def configure(here: Path, *connections: str) -> None:
    (here / "connections.yaml").write_text(f"connections: [{', '.join(connections)}]")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_a_refresh_tells_what_it_did(here: Path) -> None:
    result = run("refresh", "--json")

    assert result.exit_code == 0, result.output
    (shop,) = json.loads(result.stdout)["connections"]
    assert (shop["name"], shop["ok"], shop["version"], shop["error"]) == ("shop", True, 1, None)
    assert shop["counts"]["tables"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "fragment"),
    [
        (["refresh", "nope"], 1, "There is no connection 'nope'"),
        (["--config", "missing.yaml", "refresh"], 1, "missing.yaml cannot be read"),
        (["refresh", "--colour"], 2, "No such option"),
        (["refreshh"], 2, "No such command"),
    ],
)
def test_bad_input_is_told_and_nothing_is_written(
    here: Path, arguments: list[str], code: int, fragment: str
) -> None:
    before = sorted(here.rglob("*"))

    result = run(*arguments)

    assert result.exit_code == code
    assert fragment in result.output
    assert "Traceback" not in result.output
    assert sorted(here.rglob("*")) == before


def test_one_connection_that_fails_does_not_stop_the_rest(here: Path) -> None:
    configure(
        here,
        "{name: gone, url: 'sqlite:///./gone.db'}",
        "{name: shop, url: 'sqlite:///./shop.db'}",
    )

    result = run("refresh")

    assert result.exit_code == 1
    assert "gone: failed" in result.output
    assert "gone.db" in result.output
    assert "shop: version 1" in result.output
    assert not (here / "catalog" / "gone").exists()


def test_dagsters_own_log_stays_away(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    result = run("refresh")

    captured = capfd.readouterr()
    assert result.exit_code == 0
    assert "STEP_START" not in result.output + captured.out + captured.err


@pytest.fixture
def gone_at_the_end(here: Path) -> Iterator[Callable[..., Outcome]]:
    """Refreshes into a store that answers nothing any more when the run has ended well."""
    ended = False

    def around(operation: Operation) -> Any:
        if ended:
            raise StoreUnavailable(f"{operation.path}: no answer")
        return operation.do()

    def on_event(event: dg.DagsterEvent) -> None:
        nonlocal ended
        ended = ended or event.event_type == dg.DagsterEventType.RUN_SUCCESS

    objects = cast(ObjectStore, Watched(MemoryObjects(), around))
    with refreshing(f"sqlite:///{here / 'shop.db'}", objects) as refresher:
        yield lambda **wish: refresher.run(NAME, RefreshRequest(**wish), on_event)


def test_a_store_that_is_gone_after_the_commit_takes_nothing_back(
    gone_at_the_end: Callable[..., Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = gone_at_the_end()
    show(outcome)

    assert (outcome.ok, outcome.version, outcome.changed) == (True, 1, True)
    told = " ".join(capsys.readouterr().out.split())
    assert "shop: version 1 in" in told
    assert "no answer" in told
    assert "`incremental-assets diff shop` shows it" in told


def test_a_dry_run_that_cannot_be_shown_has_failed(
    gone_at_the_end: Callable[..., Outcome],
) -> None:
    with pytest.raises(StoreUnavailable):
        gone_at_the_end(dry_run=True)
