"""A connection with hand-made versions, whose names mean harm; nothing of it came from a source."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from click.testing import Result

from incremental_assets.core.compare import diff_schema
from incremental_assets.core.entities import ENTITIES
from incremental_assets.core.scope import Scope
from incremental_resources.state_store.head import Head
from incremental_resources.state_store.store import StateStore
from incremental_resources.state_store.version import Version
from tests.builders import frame
from tests.states import MARKER, opened

EVIL = 'a.b\x1b[2J\n[red]x[/red]\u202e"'
Run = Callable[..., Result]
FORMULA = '=HYPERLINK("http://x")'
LISTED = ("databases", "schemas", "tables", "columns")


def diff_of(entity: str, *content: dict[str, Any]) -> pl.DataFrame:
    """Rows of a diff; what is not given is null."""
    return pl.DataFrame(list(content), schema=diff_schema(ENTITIES[entity]))


def table(name: str, **attributes: Any) -> dict[str, Any]:
    return {"database": "shop", "schema": "main", "table": name, **attributes}


def column(table_name: str, name: str, **attributes: Any) -> dict[str, Any]:
    return {**table(table_name), "column": name, **attributes}


FIRST = {
    "databases": frame("databases", [{"database": "shop"}]),
    "schemas": frame("schemas", [{"database": "shop", "schema": "main", "owner": FORMULA}]),
    "tables": frame("tables", [table("orders", kind="TABLE", row_count=3, created_at=MARKER)]),
    "columns": frame("columns", [column("orders", "id", data_type="integer", nullable=False)]),
}
SECOND = FIRST | {
    "tables": frame(
        "tables", [table(EVIL, kind="TABLE"), table("orders", kind="TABLE", created_at=MARKER)]
    ),
    "columns": frame(
        "columns",
        [
            column(EVIL, "=cmd", data_type="text", default="", comment="\tx"),
            column("orders", "id", data_type="bigint", nullable=False),
        ],
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
FIRST_CHANGES = {name: {"CREATED": 1} for name in LISTED}
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
        extraction = opened(self.store, name, base)
        staged = self.store.stage_version(extraction, parent=parent)
        for entity, rows in state.items():
            staged.write(entity, rows)
        for entity, rows in (diff or {}).items():
            staged.write(f"diff/{entity}", rows)
        staged.write_summary(changes)
        version = staged.finish(
            created_at=at + timedelta(seconds=5),
            marker=at,
            probe=None,
            dialect="sqlite",
            scope=Scope(entities=LISTED).to_json(),
            changes=changes,
        )
        head = Head.at(version.ref, marker=at, probe=None, extraction=name, source={})
        self.store.move_head(head, base)
        return version
