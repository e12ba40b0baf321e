"""A state that is not there any more although Dagster knows of versions is no first run."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from incremental_assets.cli.statuses import status_of
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.store import StateStore
from tests.live import NAME, attempt, forget, refresh, refreshing


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def shop(tmp_path: Path, instance: dg.DagsterInstance) -> Iterator[Any]:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as source:
        source.execute("create table orders (id integer)")
    objects = LocalObjects(tmp_path / "catalog")
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    with refreshing(url, instance=instance, objects=objects) as refresher:
        yield SimpleNamespace(refresher=refresher, state=tmp_path / "catalog", objects=objects)


def test_an_empty_state_is_a_first_run_only_where_nothing_was_committed(
    shop: Any, instance: dg.DagsterInstance
) -> None:
    refresh(shop.refresher)
    shutil.rmtree(shop.state)

    refused = attempt(shop.refresher)

    assert not refused.ok
    assert refused.error.startswith("StateGone: ")
    assert "version 1 was committed there on" in refused.error
    assert "--accept-new-state" in refused.error
    assert not list(shop.state.rglob("extractions"))


def test_status_says_that_the_state_is_gone(shop: Any, instance: dg.DagsterInstance) -> None:
    refresh(shop.refresher)
    shutil.rmtree(shop.state)

    connection = shop.refresher.config.connection(NAME)
    status = status_of(connection, StateStore(shop.objects, NAME), instance, datetime.now(UTC))

    assert status["version"] is None
    assert "version 1 was committed there on" in status["last_error"]


def test_a_person_may_begin_anew(shop: Any, instance: dg.DagsterInstance) -> None:
    refresh(shop.refresher)
    shutil.rmtree(shop.state)

    assert refresh(shop.refresher, accept_new_state=True).version == 1
    assert refresh(shop.refresher).version == 1


def test_a_state_that_was_never_there_needs_no_word(shop: Any) -> None:
    assert refresh(shop.refresher).version == 1
    forget(shop.refresher)
    assert refresh(shop.refresher).version == 1


def test_a_state_elsewhere_is_another_one(
    shop: Any, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    refresh(shop.refresher)
    elsewhere, url = LocalObjects(tmp_path / "elsewhere"), f"sqlite:///{tmp_path / 'shop.db'}"

    with refreshing(url, instance=instance, objects=elsewhere) as refresher:
        assert refresh(refresher).version == 1
