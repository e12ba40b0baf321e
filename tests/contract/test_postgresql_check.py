"""``check`` as a role of a live PostgreSQL from which something was revoked."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from incremental_assets.cli.app import main
from tests.live import written_config
from tests.sources import Live, postgresql

ROLE = "checked_role"
Check = dict[str, Any]


@pytest.fixture
def live(fresh_database: str) -> Iterator[Live]:
    """A database with a table, and a role that may log in and nothing else."""
    live = postgresql(fresh_database)
    live.ddl("create table one (id integer)", f"create role {ROLE} login")
    yield live
    live.ddl(f"drop owned by {ROLE}", f"drop role {ROLE}")


@pytest.fixture
def config(live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    url = live.url.set(username=ROLE).render_as_string(hide_password=False)
    return written_config(tmp_path / "connections.yaml", url)


def checked(config: Path, *arguments: str) -> tuple[int, dict[str, Check]]:
    """The exit code, and the findings by what was tried."""
    result = CliRunner().invoke(main, ["--config", str(config), "check", "--json", *arguments])
    content = json.loads(result.stdout)
    assert content["ok"] is (result.exit_code == 0)
    return result.exit_code, {one["check"]: one for one in content["checks"]}


def failed(checks: dict[str, Check]) -> set[str]:
    return {name for name, check in checks.items() if check["result"] == "failed"}


def test_a_role_without_any_grant_may_read_everything(config: Path) -> None:
    code, checks = checked(config)
    assert (code, failed(checks)) == (0, set())
    assert {"identity", "read tables", "read columns", "read procedures"} <= checks.keys()
    assert "system_identifier" in checks["identity"]["message"]
    assert checks["read tables"]["message"] == "the login may do that in 1 database"


REVOKED = [
    ("select on pg_catalog.pg_proc", {"probe", "read tables", "read procedures"}),
    ("select on pg_catalog.pg_attrdef", {"probe", "read tables", "read columns"}),
    ("select on pg_catalog.pg_namespace", {"probe", "schemas", "read tables", "read procedures"}),
    ("execute on function pg_catalog.pg_control_system", {"identity"}),
]


@pytest.mark.parametrize(("grant", "needing"), REVOKED)
def test_what_was_revoked_is_named_with_the_grant_that_mends_it(
    live: Live, config: Path, grant: str, needing: set[str]
) -> None:
    live.ddl(f"revoke {grant} from public")
    code, checks = checked(config)
    assert code == 1
    assert needing <= failed(checks)
    for name in failed(checks):
        message = checks[name]["message"]
        assert message.startswith("AccessDenied: ")
        assert f"run `grant {grant} to` the connection's role" in message
        assert f"database {live.database!r}" in message
    live.ddl(f"grant {grant} to {ROLE}")
    code, checks = checked(config)
    assert (code, failed(checks)) == (0, set())


def test_every_database_that_is_read_is_tried(live: Live, config: Path) -> None:
    name = f"{live.database}_other"
    live.ddl(f"create database {name}")
    try:
        other = postgresql(live.url.set(database=name).render_as_string(hide_password=False))
        other.ddl("revoke select on pg_catalog.pg_aggregate from public")
        written_config(
            config,
            live.url.set(username=ROLE).render_as_string(hide_password=False),
            include={f"{live.database}.*": "*"},
        )
        code, checks = checked(config)
        assert code == 1
        assert failed(checks) == {"probe", "read procedures"}
        assert f"database {name!r}" in checks["read procedures"]["message"]
        assert checks["read tables"]["message"] == "the login may do that in 2 databases"
    finally:
        live.ddl(f"drop database {name} with (force)")


def test_a_wrong_password_or_a_server_that_is_down_ends_at_the_login(
    live: Live, tmp_path: Path, config: Path
) -> None:
    url = live.url.set(username="nobody_at_all").render_as_string(hide_password=False)
    code, checks = checked(written_config(tmp_path / "other.yaml", url))
    assert (code, failed(checks)) == (1, {"login"})
    assert "AccessDenied" in checks["login"]["message"]
    url = live.url.set(port=1).render_as_string(hide_password=False)
    code, checks = checked(written_config(tmp_path / "other.yaml", url))
    assert (code, failed(checks)) == (1, {"login"})
    assert "SourceUnavailable" in checks["login"]["message"]
