"""Law 6: what could not be listed or read is not gone, and a storage error is no first run."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from sqlalchemy import make_url

from incremental_assets.cli.running import Refresher, RefreshRequest
from incremental_resources.state_store.local import LocalObjects
from tests.live import NAME, attempt, current, refresh, refreshing
from tests.sources import Live, postgresql, sqlite


@pytest.fixture
def other_database(fresh_database: str) -> Iterator[Live]:
    """A second database of the server, with a table; the first one has two."""
    postgresql(fresh_database).ddl("create table one (id integer)", "create table two ()")
    url = make_url(fresh_database)
    other = url.set(database=f"{url.database}_other").render_as_string(hide_password=False)
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute(f"create database {make_url(other).database}")
        connection.execute("create role law_reader login")
        postgresql(other).ddl("create table three (id integer)")
        yield postgresql(other)
        connection.execute(f"drop database {make_url(other).database} with (force)")
        connection.execute("drop role law_reader")


@pytest.fixture
def reader(fresh_database: str, other_database: Live) -> Iterator[Refresher]:
    """Refreshes of both databases by somebody who is no superuser."""
    url = make_url(fresh_database).set(username="law_reader")
    include = {f"{url.database}.*": "*"}
    shown = url.render_as_string(hide_password=False)
    with refreshing(shown, include=include, retry_seconds=0) as refresher:
        assert refresh(refresher).counts["tables"] == 3
        yield refresher


def test_a_database_that_cannot_be_listed_fails_the_refresh(
    fresh_database: str, other_database: Live, reader: Refresher
) -> None:
    name, head = other_database.database, reader.store(NAME).head()
    server = postgresql(fresh_database)
    server.ddl(f"revoke connect on database {name} from public", "create table four ()")
    outcome = attempt(reader, accept_deletions=True)
    assert not outcome.ok
    assert outcome.error is not None
    assert "AccessDenied" in outcome.error
    assert repr(name) in outcome.error
    assert reader.store(NAME).head() == head
    server.ddl(f"grant connect on database {name} to public")
    changes = refresh(reader).changes
    assert changes["tables"] == {"CREATED": 1}
    assert changes["databases"] == {}


def test_a_database_that_is_not_there_any_more_needs_acceptance(
    fresh_database: str, other_database: Live, reader: Refresher
) -> None:
    name, head = other_database.database, reader.store(NAME).head()
    postgresql(fresh_database).ddl(f"alter database {name} allow_connections false")
    outcome = attempt(reader)
    assert not outcome.ok
    assert outcome.error is not None
    assert f"nothing is left of database {name!r}" in outcome.error
    assert reader.store(NAME).head() == head
    assert refresh(reader, accept_deletions=True).changes["databases"] == {"DELETED": 1}


@pytest.mark.parametrize("opens_again", [False, True])
@pytest.mark.parametrize("step", ["databases", "schemas", "tables", "procedures"])
def test_a_database_that_closes_between_two_listings_loses_nothing(
    fresh_database: str, other_database: Live, reader: Refresher, step: str, opens_again: bool
) -> None:
    server, name = postgresql(fresh_database), other_database.database
    routine = "create function number() returns integer language sql return 1"
    other_database.ddl(routine, "create schema wing")
    refresh(reader)
    head = reader.store(NAME).head()
    server.ddl("create table four ()")

    def on_event(event: dg.DagsterEvent) -> None:
        kind, where = event.event_type_value, str(event.step_key)
        if kind == "STEP_START" and where == f"{NAME}__{step}":
            server.ddl(f"alter database {name} allow_connections false")
        elif kind == "STEP_UP_FOR_RETRY" and opens_again:
            server.ddl(f"alter database {name} allow_connections true")

    outcome = reader.run(NAME, RefreshRequest(accept_deletions=True), on_event)
    server.ddl(f"alter database {name} allow_connections true")
    if not opens_again:
        assert outcome.error is not None
        assert re.search(f"SourceUnavailable.*'{name}' could be listed", outcome.error)
        assert reader.store(NAME).head() == head
        outcome = refresh(reader)
    assert outcome.ok, outcome.error
    assert {entity: made for entity, made in outcome.changes.items() if made} == {
        "tables": {"CREATED": 1}
    }


def test_acceptance_is_of_what_was_refused_and_not_of_more(fresh_database: str) -> None:
    live = postgresql(fresh_database)
    live.ddl("create schema gone", "create table gone.one ()", "create table two ()")
    with refreshing(fresh_database) as refresher:
        refresh(refresher)
        live.ddl("drop table gone.one")
        assert not attempt(refresher).ok
        live.ddl("drop table two")
        assert not attempt(refresher, accept_deletions=True).ok
        assert current(refresher).rows("tables") == 2
        assert refresh(refresher, accept_deletions=True).changes["tables"] == {"DELETED": 2}


def garbage(catalog: Path, version: Path) -> None:
    (catalog / NAME / "HEAD").write_bytes(b"\x00")


def empty(catalog: Path, version: Path) -> None:
    (catalog / NAME / "HEAD").write_bytes(b"")


def newer(catalog: Path, version: Path) -> None:
    head = catalog / NAME / "HEAD"
    head.write_text(head.read_text().replace('"format":1', '"format":99'))


def a_directory(catalog: Path, version: Path) -> None:
    (catalog / NAME / "HEAD").unlink()
    (catalog / NAME / "HEAD").mkdir()


def a_file_instead(catalog: Path, version: Path) -> None:
    shutil.rmtree(catalog)
    catalog.touch()


def no_manifest(catalog: Path, version: Path) -> None:
    (version / "manifest.json").unlink()


def another_manifest(catalog: Path, version: Path) -> None:
    manifest = version / "manifest.json"
    manifest.write_text(manifest.read_text().replace(": 1", ":  1", 1))


def no_tables(catalog: Path, version: Path) -> None:
    (version / "tables.parquet").unlink()


def short_tables(catalog: Path, version: Path) -> None:
    tables = version / "tables.parquet"
    tables.write_bytes(tables.read_bytes()[:-1])


DAMAGES = (
    *(garbage, empty, newer, a_directory, a_file_instead),
    *(no_manifest, another_manifest, no_tables, short_tables),
)


def files(root: Path) -> dict[str, bytes]:
    """Everything below a directory but what the store keeps for itself."""
    paths = [at for at in root.rglob("*") if at.is_file() and not at.name.startswith(".")]
    return {at.relative_to(root).as_posix(): at.read_bytes() for at in paths}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_state_that_cannot_be_read_is_an_error_and_nothing_is_written(
    tmp_path: Path, damage: Callable[[Path, Path], None]
) -> None:
    database, catalog = tmp_path / "shop.db", tmp_path / "catalog"
    file = sqlite(database)
    file.ddl("create table one (id integer)")
    with refreshing(f"sqlite:///{database}", LocalObjects(catalog)) as refresher:
        refresh(refresher)
        damage(catalog, catalog / NAME / current(refresher).folder)
        file.ddl("create table two (id integer)")
        before = files(catalog)
        outcome = attempt(refresher, full=True)
    assert not outcome.ok
    assert outcome.error is not None
    # It names what cannot be read.
    assert re.search(rf"{NAME}/(HEAD|versions/)", outcome.error)
    assert files(catalog) == before
