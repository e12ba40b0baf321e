"""``check`` against SQLite files, ``dialects``, ``init``."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from incremental_assets.config.loading import TEMPLATE
from incremental_resources.source.dialect import dialects
from incremental_resources.source.source import Source
from tests.shop_versions import Run, Shop

CHECKS = [
    *("state", "login", "version", "identity", "clock", "probe", "databases", "schemas"),
    *("read tables", "read columns"),  # SQLite has no procedures
]


def check(run: Run, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    result = run("check", *arguments, "--json")
    content = json.loads(result.stdout)
    assert content["ok"] is (result.exit_code == 0)
    return result.exit_code, content["checks"]


def configure(shop: Shop, **settings: Any) -> None:
    connection = {"name": "shop", "url": "sqlite:///shop.db", **settings}
    text = json.dumps({"connections": [connection]})
    (shop.directory / "connections.yaml").write_text(text)


def of(checks: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (found,) = (one for one in checks if one["check"] == name)
    return found


def test_everything_is_tried_and_nothing_is_left_behind(shop: Shop, run: Run) -> None:
    before = sorted(shop.directory.rglob("*"))
    code, checks = check(run, "shop")
    assert code == 0
    assert [one["check"] for one in checks] == ["store", *CHECKS]
    assert {one["result"] for one in checks} == {"ok"}
    assert [one["connection"] for one in checks] == [None, *["shop"] * len(CHECKS)]
    assert all(one["seconds"] >= 0 for one in checks)
    assert of(checks, "databases")["message"] == "1 of 1 are read: shop"
    assert of(checks, "schemas")["message"] == "1 of 1 are read, shop: 1"
    assert sorted(shop.directory.rglob("*")) == before


def test_full_tries_the_listings_too(shop: Shop, run: Run) -> None:
    _, checks = check(run, "shop", "--full")
    assert [one["check"] for one in checks][-1] == "tables"  # SQLite has no procedures
    assert checks[-1]["message"] == "1 listed"


def test_a_failed_connection_does_not_stop_the_next(shop: Shop, run: Run) -> None:
    (shop.directory / "connections.yaml").write_text(
        "connections:\n- {name: gone, url: sqlite:///gone.db}\n- {name: shop, url: sqlite:///shop.db}"
    )
    code, checks = check(run)
    assert code == 1
    assert [one["check"] for one in checks if one["connection"] == "gone"] == ["state", "login"]
    assert [one["check"] for one in checks if one["connection"] == "shop"] == CHECKS
    failed = checks[2]
    assert failed["result"] == "failed"
    assert "gone.db does not exist" in failed["message"]
    text = run("check").stdout
    assert len(text.splitlines()) == 3 + len(CHECKS)
    assert text.splitlines()[2].startswith("failed gone  login ")


def test_a_pattern_that_matches_nothing_is_named(shop: Shop, run: Run) -> None:
    configure(
        shop,
        include={"shop": ["main", "sales_.*"], "Shop": []},
        exclude={"ship": "*", "shop": ["tmp"]},
        exclude_tables="tmp_.*",
    )
    code, checks = check(run, "--full")
    assert code == 0
    databases, schemas = of(checks, "databases"), of(checks, "schemas")
    assert databases["result"] == schemas["result"] == of(checks, "tables")["result"] == "warn"
    assert "include 'Shop' matches no database" in databases["message"]
    assert "exclude 'ship' matches no database" in databases["message"]
    assert "include 'shop': 'sales_.*' matches no schema" in schemas["message"]
    assert "exclude 'shop': 'tmp' matches no schema" in schemas["message"]
    assert "'main'" not in schemas["message"]
    assert "exclude_tables 'tmp_.*' matches no table" in of(checks, "tables")["message"]


def test_what_each_pattern_matches_is_told(shop: Shop, run: Run) -> None:
    configure(
        shop,
        include='{"sh.p": ["main", "m.*", "x"], "Shop": []}',
        exclude={"shop": "*", "ledger": ["a"]},
        exclude_tables="ord.*",
    )
    _, checks = check(run, "--full")
    assert of(checks, "include sh.p")["message"] == (
        "databases: shop; schemas main: main; schemas m.*: main; schemas x: none"
    )
    assert of(checks, "include Shop")["message"] == "matches no database"
    assert of(checks, "exclude shop")["message"] == "databases: shop; schemas *: main"


def test_what_exclude_tables_leaves_out_is_told(shop: Shop, run: Run) -> None:
    configure(shop, exclude_tables="ord.*")
    _, checks = check(run, "--full")
    assert of(checks, "tables")["message"] == "1 listed; exclude_tables leaves out 1: orders"


def test_filters_that_admit_nothing_fail(shop: Shop, run: Run) -> None:
    configure(shop, exclude={"shop": "*"})
    code, checks = check(run)
    assert code == 1
    assert of(checks, "databases")["result"] == "failed"


def test_a_database_without_an_admitted_schema_is_a_warning(shop: Shop, run: Run) -> None:
    configure(shop, exclude={"shop": ["main"]})
    _, checks = check(run)
    assert of(checks, "schemas")["result"] == "warn"
    assert "no schema of shop is read" in of(checks, "schemas")["message"]


@pytest.mark.parametrize(
    ("ahead", "result", "told"),
    [
        (0, "ok", "the same"),
        (7, "ok", "ahead of"),
        (600, "warn", "ahead of"),
        (-600, "warn", "behind"),
    ],
)
def test_clocks_are_compared(
    shop: Shop, run: Run, monkeypatch: pytest.MonkeyPatch, ahead: int, result: str, told: str
) -> None:
    def clock(_source: Source) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=ahead)

    monkeypatch.setattr(Source, "clock", clock)
    _, checks = check(run, "shop")
    assert of(checks, "clock")["result"] == result
    assert told in of(checks, "clock")["message"]


def test_a_store_that_cannot_be_written_fails(shop: Shop, run: Run) -> None:
    (shop.directory / "catalog").write_text("a file is in the way")
    code, checks = check(run, "shop")
    assert code == 1
    assert of(checks, "store")["result"] == "failed"
    assert of(checks, "login")["result"] == "ok"


def test_a_damaged_state_fails(refreshed: Shop, run: Run) -> None:
    _, checks = check(run, "shop")
    assert of(checks, "state")["message"].startswith("version 2 is there")
    (refreshed.directory / "catalog" / "shop" / "HEAD").write_text("{")
    code, checks = check(run, "shop")
    assert code == 1
    assert of(checks, "state")["result"] == "failed"


def test_a_damaged_file_of_the_current_version_fails(refreshed: Shop, run: Run) -> None:
    stored = next((refreshed.directory / "catalog").rglob("00000002*/tables.parquet"))
    with stored.open("ab") as damaged:
        damaged.write(b"x")
    code, checks = check(run, "shop")
    state = of(checks, "state")
    assert (code, state["result"]) == (1, "failed")
    assert "StateCorrupt" in state["message"]
    assert "tables.parquet is not what version 2 was committed with" in state["message"]
    assert of(checks, "login")["result"] == "ok"


def test_dialects_tells_every_fact(run: Run) -> None:
    facts = json.loads(run("dialects", "--json").stdout)["dialects"]
    assert [fact["name"] for fact in facts] == list(dialects())
    (postgresql,) = (fact for fact in facts if fact["name"] == "postgresql")
    assert postgresql["entities"] == list(dialects()["postgresql"].entities)
    assert postgresql["durable_ids"] is True
    text = run("dialects").stdout
    for dialect in dialects().values():
        assert dialect.title in text
        assert dialect.verified in text


def test_init_writes_the_template_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("init")
    assert result.exit_code == 0
    assert "incremental-assets check" in result.stdout
    modeline, template = Path("connections.yaml").read_text().split("\n", 1)
    assert modeline.startswith("# yaml-language-server: $schema=")
    assert template == TEMPLATE
    Path("connections.yaml").write_text("mine")
    result = run("init")
    assert result.exit_code == 1
    assert "left as it is" in result.stderr
    assert Path("connections.yaml").read_text() == "mine"


def test_init_elsewhere_says_how_to_name_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my settings").mkdir()
    assert "--config 'my settings/connections.yaml' check" in run("init", "my settings").stdout
    assert run("init", "no/where.yaml").exit_code == 1
    assert "cannot be written" in run("init", "no/where.yaml").stderr
