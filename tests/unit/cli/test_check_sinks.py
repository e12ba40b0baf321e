"""``check`` of sinks: what publishing needs is tried, and nothing is published."""

from pathlib import Path
from typing import Any

import pytest

from tests.shop_versions import Run, Shop
from tests.sinks.servers import Gms, Receiver, serving
from tests.unit.cli.test_setup import check, configure, of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def tried(shop: Shop, run: Run, sink: dict[str, Any]) -> dict[str, Any]:
    configure(shop, sinks=[{**sink, "name": "out"}])
    return of(check(run, "shop")[1], "sink out")


@pytest.mark.parametrize("kind", ["atlan", "datahub", "openlineage", "parquet"])
def test_a_place_for_files_is_written_to_and_left_as_it_was(
    shop: Shop, run: Run, tmp_path: Path, kind: str
) -> None:
    place = tmp_path / "out"
    found = tried(shop, run, {"kind": kind, "path": str(place)})
    assert (found["result"], found["message"]) == ("ok", f"{place.as_uri()} can be written")
    assert [path for path in place.rglob("*.*") if ".scratch" not in str(path)] == []
    (tmp_path / "a-file").touch()
    found = tried(shop, run, {"kind": kind, "path": str(tmp_path / "a-file" / "x")})
    assert found["result"] == "failed"
    assert "a-file" in found["message"]
    assert "state store" not in found["message"]


@pytest.mark.parametrize(
    ("kind", "key"), [("webhook", "url"), ("openlineage", "url"), ("datahub", "server")]
)
def test_a_server_is_asked_and_told_nothing(shop: Shop, run: Run, kind: str, key: str) -> None:
    server = Gms() if kind == "datahub" else Receiver()
    with serving(server):
        found = tried(shop, run, {"kind": kind, key: server.origin})
        assert found["result"] == "ok"
        assert found["message"].startswith(server.origin)
    assert server.posts == []
    found = tried(shop, run, {"kind": kind, key: server.origin})
    assert found["result"] == "failed"
    assert f"No connection to {server.origin}: nothing listens there." in found["message"]


def test_what_is_no_metadata_service_is_told(shop: Shop, run: Run) -> None:
    server = Receiver()
    with serving(server):
        found = tried(shop, run, {"kind": "datahub", "server": server.origin})
    assert found["result"] == "failed"
    assert "It answered 404" in found["message"]
