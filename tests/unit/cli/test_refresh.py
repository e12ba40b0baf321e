"""``refresh`` on the command line: exit codes, messages, and nothing written on bad input."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from incremental_assets.cli.app import main


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
