"""``log`` where something of an old version is damaged, and over rollbacks."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from incremental_assets.cli.app import main
from incremental_assets.steps.rolling_back import roll_back
from incremental_resources.state_store.local import LocalObjects
from tests.live import NAME, refresh, refreshing, written_config
from tests.states import overwrite


def ddl(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(statement)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a file with one table."""
    monkeypatch.chdir(tmp_path)
    ddl(tmp_path / "shop.db", "create table item (id integer)")
    return written_config(tmp_path / "connections.yaml", f"sqlite:///{tmp_path}/shop.db")


def logged(config: Path, path: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(main, ["--config", str(config), "log", NAME, path, "--json"])
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.output)["changes"]
    return found


@pytest.mark.parametrize("damaged", ["manifest", "diff"])
def test_the_change_log_tells_of_what_is_damaged(
    tmp_path: Path, config: Path, damaged: str
) -> None:
    file, objects = tmp_path / "shop.db", LocalObjects(tmp_path / "catalog")
    with refreshing(f"sqlite:///{file}", objects) as refresher:
        refresh(refresher)
        for name in ("price", "other", "more"):
            ddl(file, f"alter table item add {name} integer")
            refresh(refresher)
        before = logged(config, "main.item.price")
        version = next(one for one in refresher.store(NAME).history() if one.number == 2)
        path = version.ref.manifest
        if damaged == "diff":
            path = f"{version.folder}/{version.files('diff/columns')[0].path}"
        overwrite(objects, f"{NAME}/{path}", b"{")
    assert [one["version"] for one in before] == [2]
    assert logged(config, "main.item.price") == before


def test_the_times_of_a_rollback_are_in_order(tmp_path: Path, config: Path) -> None:
    file, objects = tmp_path / "shop.db", LocalObjects(tmp_path / "catalog")
    with refreshing(f"sqlite:///{file}", objects) as refresher:
        refresh(refresher)
        ddl(file, "alter table item add price integer")
        refresh(refresher)
        roll_back(refresher.store(NAME), refresher.config.connection(NAME).dialect(), 1)
    rolled, created = logged(config, "main.item.price")
    assert (rolled["change"], rolled["since"]) == ("DELETED", None)
    assert created["since"] < created["until"]
