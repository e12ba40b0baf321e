"""The sensor of the docs that tells Slack what watch rules found."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_slack import SlackResource

from incremental_resources.state_store.local import LocalObjects
from tests.documents import block
from tests.live import refresh, refreshing, written_config

RULE = {"name": "items", "tables": "main.item"}


class Channel:
    """What was posted, instead of Slack."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []

    def chat_postMessage(self, **message: Any) -> None:  # noqa: N802 - Slack's name
        self.posted.append(message)


def test_every_break_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    written_config(tmp_path / "connections.yaml", url, watch=[RULE])
    channel = Channel()
    monkeypatch.setattr(SlackResource, "get_client", lambda _self: channel)
    names: dict[str, Any] = {}
    exec(block("docs/operating.md", "python", "tell_slack"), names)
    slack = SlackResource(token="none")
    context = dg.build_sensor_context(resources={"slack": slack})
    with (
        closing(sqlite3.connect(tmp_path / "shop.db")) as source,
        refreshing(url, LocalObjects(tmp_path / "catalog"), watch=[RULE]) as refresher,
    ):
        source.execute("create table item (id integer primary key, name text)")
        refresh(refresher)
        names["tell_slack"](context)
        assert channel.posted == []
        source.execute("alter table item drop column name")
        refresh(refresher)
        names["tell_slack"](context)
        names["tell_slack"](context)
    (told,) = channel.posted
    assert told["channel"] == "#data"
    assert told["text"].startswith("watch_items: column_deleted shop.main.item.name")
    assert told["text"].endswith("since version 2")
