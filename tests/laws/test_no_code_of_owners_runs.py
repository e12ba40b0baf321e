"""Nothing that a database's owner wrote runs as the login of the catalog, whatever it is called."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from click.testing import CliRunner
from sqlalchemy import make_url

from incremental_assets.build import build_definitions
from incremental_assets.cli.app import main
from incremental_assets.config.loading import load_config
from tests.hostile_owner import PATH, calls, make_doubles
from tests.live import NAME, written_config
from tests.sources import CATALOGUE
from tests.wire import Statement, Wire

REFUSING = "incremental_resources.source.dialects.postgresql.connect.refusing"
DATABASE, ROLE = "of_a_hostile_owner", "catalog_login"
# Whose settings lead to the doubles, and who logs in.
WAYS = {
    "database, superuser": (f"database {DATABASE}", "postgres"),
    "database": (f"database {DATABASE}", ROLE),
    "role": (f"role {ROLE}", ROLE),
    "role in database": (f"role {ROLE} in database {DATABASE}", ROLE),
}


@pytest.fixture(scope="module")
def hostile_url(postgres_url: str) -> Iterator[str]:
    """A database full of doubles that are not on anybody's path yet."""
    url = postgres_url.rpartition("/")[0] + f"/{DATABASE}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"create database {DATABASE}")
        server.execute(f"create role {ROLE} login")
        made = make_doubles(url)
        assert all(len(statements) > 10 for statements in made.values())
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in CATALOGUE:
                connection.execute(statement)
        yield url
        server.execute(f"drop database {DATABASE} with (force)")
        server.execute(f"drop role {ROLE}")


@pytest.fixture(params=WAYS)
def url(hostile_url: str, postgres_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The way of the login, for which the doubles come first."""
    whose, login = WAYS[request.param]
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"alter {whose} set search_path = {PATH}")
        yield make_url(hostile_url).set(username=login).render_as_string(hide_password=False)
        server.execute(f"alter {whose} reset search_path")


@pytest.fixture(params=["direct", "pooler"])
def way(url: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL, or that of a pooler which takes no options at the start."""
    if request.param == "direct":
        yield url
        return
    monkeypatch.setattr(REFUSING, set())
    server = make_url(url)
    assert server.port
    with Wire(server.port, Statement.do, refused="options") as wire:
        there = server.set(host="127.0.0.1", port=wire.port)
        yield there.render_as_string(hide_password=False)
        assert wire.refusals == 1


def test_a_double_counts_for_everybody_else(url: str) -> None:
    before = calls(url)
    with psycopg.connect(url) as connection:
        connection.execute("select set_config('search_path', '', true)")
        connection.rollback()
        connection.execute("select 1 = 1")
    assert calls(url) == before + 2


def test_nothing_of_the_owner_is_called(
    way: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    config = written_config(tmp_path / "connections.yaml", way)
    before = calls(url)
    run(config, "check")
    run(config, "refresh", NAME)
    assert sensor_skips(config) == "Nothing changed since version 1."
    assert calls(url) == before


def run(config: Path, *arguments: str) -> None:
    result = CliRunner().invoke(main, ["--config", str(config), *arguments])
    assert result.exit_code == 0, result.output


def sensor_skips(config: Path) -> str:
    """A look of the change sensor, and why it asks for nothing."""
    definitions = build_definitions(load_config(config))
    sensor = definitions.resolve_sensor_def(f"{NAME}_change_sensor")
    with ExitStack() as stack:
        instance = stack.enter_context(dg.DagsterInstance.ephemeral())
        context = stack.enter_context(
            dg.build_sensor_context(instance=instance, resources=definitions.resources or {})
        )
        told = sensor(context)
    assert isinstance(told, dg.SkipReason), told
    return str(told.skip_message)
