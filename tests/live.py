"""Refreshes of a live database through the real job, and what came of them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
from pydantic import SecretStr

from incremental_assets.cli.running import Outcome, Refresher, RefreshRequest
from incremental_assets.config.connection import Connection
from incremental_assets.config.model import Config
from incremental_assets.config.options import Options
from incremental_assets.core.entities import ENTITIES
from incremental_assets.steps.batches import NoProgress
from incremental_resources.sinks.delivery import Sink
from incremental_resources.state_store.memory import MemoryObjects
from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.version import Version

NAME = "shop"
State = Mapping[str, pl.LazyFrame]


def configured(url: str, *, state: Path = Path("catalog"), **settings: Any) -> Config:
    """One connection, ``shop``; ``settings`` are options, or keys of the connection itself.

    ``configured_sinks`` is its key ``sinks``.
    """
    if "configured_sinks" in settings:
        settings["sinks"] = settings.pop("configured_sinks")
    keys = {key: settings.pop(key) for key in list(settings) if key in Connection.model_fields}
    options = Options(**{"deletion_guard_percent": 100, "batch_columns": 20, **settings})
    connection = Connection(name=NAME, url=SecretStr(url), options=options, **keys)
    return Config(state=str(state), connections=(connection,), base=Path.cwd())


def written_config(path: Path, url: str, **settings: Any) -> Path:
    """The same as a file that the command line can read; the state is beside it."""
    options = {"deletion_guard_percent": 100}
    connection = {"name": NAME, "url": url, "options": options, **settings}
    path.write_text(json.dumps({"state": "./catalog", "connections": [connection]}))
    return path


@contextmanager
def refreshing(
    url: str,
    objects: ObjectStore | None = None,
    instance: dg.DagsterInstance | None = None,
    sinks: Sequence[Sink] = (),
    **settings: Any,
) -> Iterator[Refresher]:
    """Refreshes of the database into a store (default: a new one in memory)."""
    with instance or dg.DagsterInstance.ephemeral() as instance:
        config = configured(url, **settings)
        store = objects or MemoryObjects()
        yield Refresher(config, instance, NoProgress(), store, {NAME: sinks})


def attempt(refresher: Refresher, **wish: Any) -> Outcome:
    """One refresh, however it ends."""
    return refresher.run(NAME, RefreshRequest(**wish), lambda _event: None)


def refresh(refresher: Refresher, **wish: Any) -> Outcome:
    """One refresh that must succeed."""
    outcome = attempt(refresher, **wish)
    assert outcome.ok, outcome.error
    return outcome


def refresh_as_a_person(refresher: Refresher) -> Outcome:
    """One refresh; where the guard stops it, HEAD stays, and the deletions are accepted."""
    before = refresher.store(NAME).head()
    outcome = attempt(refresher)
    if outcome.ok or "too much disappeared at once" not in (outcome.error or ""):
        assert outcome.ok, outcome.error
        return outcome
    assert refresher.store(NAME).head() == before
    return refresh(refresher, accept_deletions=True)


def forget(refresher: Refresher) -> None:
    """Empty the store, and Dagster's memory of it: the next refresh is a first one."""
    refresher._instance.wipe_assets([dg.AssetKey([NAME, "marker"])])
    refresher.store(NAME).objects.delete(NAME)


def current(refresher: Refresher) -> Version:
    """The version HEAD stands at."""
    version = refresher.store(NAME).current()
    assert version is not None
    return version


def state(version: Version) -> State:
    """All entities of a version."""
    return {entity: version.scan(entity) for entity in version.entities}


def full(refresher: Refresher) -> State:
    """What a first, full refresh into an empty store reaches; the store is emptied for it."""
    forget(refresher)
    assert refresh(refresher).mode == "full"
    return state(current(refresher))


def reread(refresher: Refresher) -> list[tuple[str, str]]:
    """Schema and name of the tables that the last refresh read again."""
    store = refresher.store(NAME)
    head = store.head()
    assert head is not None
    extraction = store.extraction(head.head.extraction)
    if not extraction.exists("plan"):
        return []
    return extraction.read("plan").filter("reread").select("schema", "table").collect().rows()


def differences(one: State, other: State) -> dict[str, list[dict[str, Any]]]:
    """Rows that only one side has, by entity, for people: ``unequal`` with its evidence.

    Both have the same entities.
    """
    found = {}
    for name in (name for name in ENTITIES if name in one or name in other):
        compared = [*ENTITIES[name].key, *ENTITIES[name].compared]
        left, right = (side[name].select(compared) for side in (one, other))
        rows = [
            frame.join(than, on=compared, how="anti", nulls_equal=True)
            .with_columns(pl.lit(which).alias("only in"))
            .collect()
            for frame, than, which in ((left, right, "one"), (right, left, "other"))
        ]
        if any(part.height for part in rows):
            found[name] = pl.concat(rows).head(4).to_dicts()
    return found
