"""``demo --stop``: what it says. The story itself is in ``tests/webserver``."""

import pytest

from incremental_resources.demo.server import DemoServer
from tests.shop_versions import Run, Shop


def test_where_no_demo_was_nothing_is_said_to_be_stopped(shop: Shop, run: Run) -> None:
    before = sorted(shop.directory.rglob("*"))
    result = run("demo", "--stop")
    assert result.exit_code == 0
    assert result.stdout.startswith("No server of a demo in ")
    assert "stopped" not in result.stdout
    assert sorted(shop.directory.rglob("*")) == before


def test_a_server_that_ran_is_said_to_be_stopped(
    shop: Shop, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop.directory / "home" / "demo").mkdir(parents=True)
    monkeypatch.setattr(DemoServer, "running", lambda _server: True)
    assert run("demo", "--stop").stdout == "The demo's server is stopped.\n"
