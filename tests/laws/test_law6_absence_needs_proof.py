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
from incremental_resources.state_store.documents import FORMAT
from incremental_resources.state_store.local import LocalObjects
from tests.live import NAME, attempt, current, refresh, refresh_as_a_person, refreshing
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


FUNCTIONS = [f"create function f{n}() returns integer language sql return {n}" for n in range(50)]


def told(refresher: Refresher, **wish: bool) -> str:
    """What a refresh says that must fail; HEAD stays."""
    head = refresher.store(NAME).head()
    outcome = attempt(refresher, **wish)
    assert not outcome.ok
    assert refresher.store(NAME).head() == head
    return str(outcome.error)


def test_a_database_that_takes_no_connections_is_an_error_and_no_absence(
    fresh_database: str, other_database: Live, reader: Refresher
) -> None:
    name, server = other_database.database, postgresql(fresh_database)
    other_database.ddl("drop table three", *FUNCTIONS)
    # The only table of the database was dropped, which is a table's matter.
    refresh_as_a_person(reader)
    counts = current(reader).manifest.counts
    assert (counts["tables"], counts["procedures"]) == (2, 50)
    server.ddl(f"alter database {name} allow_connections false")
    # No word of a person turns it into deletions.
    for wish in ({}, {"accept_deletions": True}, {"full": True}):
        error = told(reader, **wish)
        assert "SourceUnavailable" in error
        assert f"{name!r} (datallowconn is false)" in error
        assert f"alter database {name} with allow_connections true" in error
    server.ddl(f"alter database {name} allow_connections true")
    assert refresh(reader).ok
    assert current(reader).manifest.counts == counts


def test_a_closed_database_that_is_left_out_is_out_of_scope(
    fresh_database: str, other_database: Live, reader: Refresher
) -> None:
    name, objects = other_database.database, reader.store(NAME).objects
    postgresql(fresh_database).ddl(f"alter database {name} allow_connections false")
    include = {f"{make_url(fresh_database).database}.*": "*"}
    with refreshing(fresh_database, objects, include=include, exclude={name: "*"}) as narrowed:
        assert refresh(narrowed).changes["databases"] == {"OUT_OF_SCOPE": 1}


def test_a_database_that_is_named_is_missed_from_the_first_refresh_on(
    fresh_database: str, other_database: Live
) -> None:
    first, name = str(make_url(fresh_database).database), other_database.database
    postgresql(fresh_database).ddl(f"alter database {name} allow_connections false")
    with refreshing(fresh_database, include={first: "*", name: "*"}, retry_seconds=0) as named:
        assert "datallowconn is false" in str(attempt(named).error)
    with refreshing(fresh_database, include={f"{first}.*": "*"}, retry_seconds=0) as fitting:
        assert refresh(fitting).counts["databases"] == 1


def test_a_dropped_database_of_functions_alone_needs_acceptance(
    fresh_database: str, other_database: Live, reader: Refresher
) -> None:
    other_database.ddl("drop table three", *FUNCTIONS)
    refresh_as_a_person(reader)
    server = postgresql(fresh_database)
    server.ddl(f"drop database {other_database.database} with (force)")
    error = told(reader)
    # The fixture's to drop.
    server.ddl(
        f"create database {other_database.database} allow_connections false is_template true"
    )
    assert f"nothing is left of database {other_database.database!r}" in error
    assert "50 of its 50 procedures gone" in error
    changes = refresh(reader, accept_deletions=True).changes
    assert changes["databases"] == {"DELETED": 1}
    assert changes["procedures"] == {"DELETED": 50}
    server.ddl(f"alter database {other_database.database} is_template false")


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
    head.write_text(head.read_text().replace(f'"format":{FORMAT}', '"format":99'))


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
