"""A connection with two hand-made versions, and the command line to look at it with."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result

from incremental_assets.cli.app import main
from incremental_assets.core.compare import diff_schema
from incremental_assets.core.entities import ENTITIES
from incremental_assets.core.scope import Scope
from resources.state_store.head import Head
from resources.state_store.local import LocalObjects
from resources.state_store.store import StateStore
from resources.state_store.version import Version

EVIL = 'a.b\x1b[2J\n[red]x[/red]\u202e"'
FORMULA = '=HYPERLINK("http://x")'
ENTITY_NAMES = ("databases", "schemas", "tables", "columns")
MARKER = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)

Run = Callable[..., Result]


def rows(entity: str, *content: dict[str, Any]) -> pl.DataFrame:
    """Rows of an entity; what is not given is null."""
    return pl.DataFrame(list(content), schema=ENTITIES[entity].schema)


def diff_of(entity: str, *content: dict[str, Any]) -> pl.DataFrame:
    """Rows of a diff; what is not given is null."""
    return pl.DataFrame(list(content), schema=diff_schema(ENTITIES[entity]))


def table(name: str, **attributes: Any) -> dict[str, Any]:
    return {"database": "shop", "schema": "main", "table": name, **attributes}


def column(table_name: str, name: str, **attributes: Any) -> dict[str, Any]:
    return {**table(table_name), "column": name, **attributes}


FIRST = {
    "databases": rows("databases", {"database": "shop"}),
    "schemas": rows("schemas", {"database": "shop", "schema": "main", "owner": FORMULA}),
    "tables": rows("tables", table("orders", kind="TABLE", row_count=3, created_at=MARKER)),
    "columns": rows("columns", column("orders", "id", data_type="integer", nullable=False)),
}
SECOND = FIRST | {
    "tables": rows(
        "tables", table(EVIL, kind="TABLE"), table("orders", kind="TABLE", created_at=MARKER)
    ),
    "columns": rows(
        "columns",
        column(EVIL, "=cmd", data_type="text", default="", comment="\tx"),
        column("orders", "id", data_type="bigint", nullable=False, comment=None),
    ),
}
DIFF = {
    "tables": diff_of("tables", table(EVIL, change="CREATED", after='{"kind":"TABLE"}')),
    "columns": diff_of(
        "columns",
        column(EVIL, "=cmd", change="CREATED", after='{"data_type":"text"}'),
        column(
            "orders",
            "id",
            change="UPDATED",
            attribute="data_type",
            before='"integer"',
            after='"\u009b31mbigint"',
        ),
    ),
}
FIRST_CHANGES = {name: {"CREATED": 1} for name in ENTITY_NAMES}
SECOND_CHANGES = {"tables": {"CREATED": 1, "DELETED": 0}, "columns": {"CREATED": 1, "UPDATED": 1}}


@dataclass(frozen=True)
class Shop:
    """A directory with a configuration; ``store`` has the state of its connection ``shop``."""

    directory: Path
    store: StateStore

    def commit(
        self,
        state: dict[str, pl.DataFrame],
        changes: dict[str, dict[str, int]],
        diff: dict[str, pl.DataFrame] | None = None,
        *,
        at: datetime = MARKER,
    ) -> Version:
        """Make the next version and move the head to it."""
        base, parent = self.store.head(), self.store.current()
        name = f"{at:%Y%m%dT%H%M%SZ}-0000000{parent.number if parent else 0}"
        extraction = self.store.open_extraction(name, {}, base=base)
        staged = self.store.stage_version(extraction, parent=parent)
        for entity, frame in state.items():
            staged.write(entity, frame)
        for entity, frame in (diff or {}).items():
            staged.write(f"diff/{entity}", frame)
        staged.write_summary(changes)
        version = staged.finish(
            created_at=at + timedelta(seconds=5),
            marker=at,
            probe=None,
            dialect="sqlite",
            scope=Scope(entities=ENTITY_NAMES).to_json(),
            changes=changes,
        )
        head = Head.at(version.ref, marker=at, probe=None, extraction=name, source={})
        self.store.move_head(head, base)
        return version


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
