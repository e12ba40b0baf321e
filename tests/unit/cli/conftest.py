"""A configured connection, with and without versions, and the command line to look at it with."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from incremental_assets.cli.app import main
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.store import StateStore
from tests.shop_versions import DIFF, FIRST, FIRST_CHANGES, SECOND, SECOND_CHANGES, Run, Shop
from tests.states import MARKER


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A configured connection to an SQLite file; nothing was ever refreshed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("INCREMENTAL_ASSETS_CONFIG", raising=False)
    with sqlite3.connect(tmp_path / "shop.db") as source:
        source.execute("create table orders (id integer primary key, note text)")
    source.close()
    (tmp_path / "connections.yaml").write_text(
        "connections:\n- {name: shop, url: sqlite:///shop.db}\n"
        "- {name: other, url: sqlite:///other.db}\n"
    )
    return Shop(tmp_path, StateStore(LocalObjects(tmp_path / "catalog"), "shop"))


@pytest.fixture
def refreshed(shop: Shop) -> Shop:
    """The same with two versions: a first one, and one that differs from it."""
    shop.commit(FIRST, FIRST_CHANGES)
    shop.commit(SECOND, SECOND_CHANGES, DIFF, at=MARKER + timedelta(hours=1))
    return shop


@pytest.fixture
def run() -> Run:
    """Run a command as a user would; stdout and stderr apart."""

    def invoke(*arguments: str) -> Result:
        result = CliRunner().invoke(main, arguments)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke
