"""What a failure of a source says, and what it never says."""

import traceback
from dataclasses import replace

import pytest

from incremental_resources.errors import ResourceError
from incremental_resources.source.dialect import dialects
from incremental_resources.source.dialects.postgresql.explain import explain
from incremental_resources.source.errors import (
    AccessDenied,
    CapabilityMissing,
    QueryFailed,
    SourceUnavailable,
)
from incremental_resources.source.sessions import Sessions

POSTGRESQL = dialects()["postgresql"]


class OperationalError(Exception):
    """As psycopg's, which need not be installed."""


class ConnectionTimeout(OperationalError):
    """As psycopg's."""


def with_state(state: str, message: str) -> Exception:
    error = Exception(message)
    error.sqlstate = state  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "kind", "transient"),
    [
        (
            OperationalError('connection failed: server at "x" failed: Connection refused'),
            SourceUnavailable,
            True,
        ),
        (OperationalError("failed to resolve host 'nowhere': unknown"), SourceUnavailable, True),
        (ConnectionTimeout("connection timeout expired"), SourceUnavailable, True),
        (
            OperationalError("connection failed: FATAL:  the database system is starting up"),
            SourceUnavailable,
            True,
        ),
        (
            OperationalError("connection failed: FATAL:  sorry, too many clients already"),
            SourceUnavailable,
            True,
        ),
        (
            OperationalError('connection failed: password authentication failed for user "u"'),
            AccessDenied,
            False,
        ),
        (
            OperationalError('connection failed: FATAL:  no pg_hba.conf entry for host "h"'),
            AccessDenied,
            False,
        ),
        (
            OperationalError('connection failed: FATAL:  role "database" does not exist'),
            AccessDenied,
            False,
        ),
        (
            OperationalError('connection failed: FATAL:  database "role" does not exist'),
            QueryFailed,
            False,
        ),
        (
            OperationalError('connection failed: FATAL:  permission denied for database "d"'),
            AccessDenied,
            False,
        ),
        (OperationalError("consuming input failed: server closed"), QueryFailed, True),
        (OperationalError("the connection is lost"), QueryFailed, True),
        (with_state("57P01", "terminating connection"), SourceUnavailable, True),
        (with_state("53300", "too many connections"), SourceUnavailable, True),
        (with_state("42501", "permission denied for function f"), AccessDenied, False),
        (with_state("57014", "canceling statement due to statement timeout"), QueryFailed, False),
        (with_state("40001", "canceling statement due to conflict"), QueryFailed, True),
        (with_state("55P03", "canceling statement due to lock timeout"), QueryFailed, True),
        (with_state("XX000", "could not open relation with OID 7"), QueryFailed, True),
        (with_state("08006", "connection failure"), QueryFailed, True),
    ],
    ids=str,
)
def test_postgres_errors_become_ours(
    error: Exception, kind: type[ResourceError], transient: bool
) -> None:
    explained = explain(error)
    assert type(explained) is kind
    assert explained.transient is transient
    assert str(error).split("FATAL:")[-1].strip() in str(explained)


@pytest.mark.parametrize("error", [with_state("42601", "syntax error"), ValueError("x")], ids=str)
def test_what_postgres_does_not_explain_stays_unknown(error: Exception) -> None:
    assert explain(error) is None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://reader:s3cr%40t%2F@127.0.0.1:1/nowhere",
        "postgresql://reader@127.0.0.1:1/nowhere?password=s3cr%40t%2F",
    ],
)
def test_a_failed_login_never_repeats_what_is_secret(url: str) -> None:
    sessions = Sessions(url, POSTGRESQL, statement_timeout_seconds=1, name="shop")
    with pytest.raises(ResourceError) as error, sessions.session("databases"):
        pass
    shown = "".join(traceback.format_exception(error.value))
    assert "shop (PostgreSQL, database 'nowhere', while connecting): " in shown
    assert "s3cr" not in shown


def test_a_driver_that_is_not_installed_names_the_extra() -> None:
    dialect = replace(POSTGRESQL, drivername="postgresql+nowhere")
    sessions = Sessions("postgresql://h/d", dialect, statement_timeout_seconds=1, name="shop")
    with (
        pytest.raises(CapabilityMissing, match=r"pip install 'incremental-assets\[postgresql\]'"),
        sessions.session("databases"),
    ):
        pass


def test_a_url_is_asked_for_when_it_is_needed_and_not_before() -> None:
    asked = []

    def url() -> str:
        asked.append(1)
        return "postgresql://reader@127.0.0.1:1/nowhere"

    sessions = Sessions(url, POSTGRESQL, statement_timeout_seconds=1, name="shop")
    assert asked == []
    with pytest.raises(SourceUnavailable), sessions.session("databases"):
        pass
    assert asked
