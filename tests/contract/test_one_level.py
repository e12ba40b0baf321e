"""MariaDB and MySQL: what they call databases are our schemas, in the one database ``def``."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import make_url

from incremental_assets.cli.app import main
from incremental_resources.source.errors import QueryFailed
from incremental_resources.state_store.memory import MemoryObjects
from tests import mysql_server
from tests.live import current, refresh, refreshing, state, written_config
from tests.sources import mysql


@pytest.fixture(params=["mariadb", "mysql"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """URLs of two databases whose names begin alike, with a table each."""
    server = mysql_server.server_url(request.param)
    with (
        mysql_server.temporary_database(server) as one,
        mysql_server.temporary_database(server, f"{make_url(one).database}.more") as other,
    ):
        for url in (one, other):
            mysql(url).ddl("create table item (id integer primary key)")
        yield one, other


def names(*urls: str) -> list[str]:
    return [str(make_url(url).database) for url in urls]


def test_a_url_with_a_database_reads_that_one(pair: tuple[str, str]) -> None:
    one, other = pair
    for url in (one, other):
        with refreshing(url) as refresher:
            refresh(refresher)
            found = state(current(refresher))
            assert found["schemas"].collect().select("database", "schema").rows() == [
                ("def", *names(url))
            ]
            assert found["tables"].collect().height == 1


def test_include_says_more_and_out_of_scope_is_no_deletion(pair: tuple[str, str]) -> None:
    one, other = pair
    both = {"def": names(*pair)}
    objects = MemoryObjects()
    with refreshing(one, objects, include=both) as refresher:
        refresh(refresher)
        found = state(current(refresher))["schemas"].collect()["schema"].to_list()
        assert found == sorted(names(one, other))
    with refreshing(one, objects) as refresher:
        assert refresh(refresher).changes["tables"] == {"OUT_OF_SCOPE": 1}
    with refreshing(one, objects, include=both) as refresher:
        assert refresh(refresher).changes["tables"] == {"BACKFILL": 1}


def test_a_url_without_a_database_reads_what_include_admits(pair: tuple[str, str]) -> None:
    server = make_url(pair[0]).set(database=None).render_as_string(hide_password=False)
    with refreshing(server, include={"^def$": [f"{names(pair[0])[0]}.*"]}) as refresher:
        refresh(refresher)
        assert state(current(refresher))["tables"].collect().height == 2


def test_check_says_what_matched(tmp_path: Path, pair: tuple[str, str]) -> None:
    first = names(pair[0])[0]
    include = {"def": [first, "no_such_schema"]}
    config = written_config(tmp_path / "connections.yaml", pair[0], include=include)
    result = CliRunner().invoke(main, ["--config", str(config), "check", "--json"])
    told = {one["check"]: one for one in json.loads(result.stdout)["checks"]}
    assert result.exit_code == 0, result.output
    assert "1 of 1 are read: def" in told["databases"]["message"]
    assert told["schemas"]["result"] == "warn"
    assert "no_such_schema" in told["schemas"]["message"]
    assert told["read tables"]["result"] == "ok"


def test_a_database_that_is_not_there_is_told(pair: tuple[str, str]) -> None:
    nowhere = mysql(pair[0]).at(make_url(pair[0]).set(database="no_such_database"))
    with nowhere.source() as source, pytest.raises(QueryFailed, match="no_such_database"):
        source.version()
