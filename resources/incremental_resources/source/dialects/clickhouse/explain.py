"""What errors of ClickHouse and the ways to it mean."""

import re
from collections.abc import Callable

from incremental_resources.errors import ResourceError
from incremental_resources.source.dialects.clickhouse.statements import Error
from incremental_resources.source.errors import AccessDenied, QueryFailed, SourceUnavailable

# What comes before and after the server's own words.
WORDS = re.compile(
    r"DB::Exception: (.*?)(?:\s*\(version [^)]*\))?(?:\s*\(for url .*\))?$", re.DOTALL
)


def explain(error: Exception) -> ResourceError | None:
    """The error as one of ours; None if it is unknown."""
    if not isinstance(error, Error):
        return None
    found = WORDS.search(str(error))
    told = " ".join((found[1] if found else str(error)).split())
    if "EmbeddedServer" in told:
        return SourceUnavailable(
            f"chdb reads one folder at a time, and lets one process read it: {told}. Refresh again "
            "when the other one is done."
        )
    if error.code is None:
        return _not_heard(told, opening=error.opening)
    meaning = MEANINGS.get(error.code)
    return meaning(told) if meaning else None


def _not_heard(told: str, *, opening: bool) -> ResourceError:
    if opening:
        return SourceUnavailable(
            f"nobody takes the connection: {told}. See that the server runs and that host and port "
            "are right (the HTTP interface's, 8123 or 8443), then refresh again."
        )
    return QueryFailed(f"the connection was lost: {told}. Refresh again.", transient=True)


def _login(told: str) -> ResourceError:
    return AccessDenied(f"the login was refused: {told}. Fix user and password in the url.")


def _privilege(told: str) -> ResourceError:
    return AccessDenied(f"{told}. Grant it to the connection's user, then refresh again.")


def _too_long(told: str) -> ResourceError:
    return QueryFailed(
        f"{told}. Raise options.statement_timeout_seconds, or lower options.batch_columns if it is "
        "columns.sql."
    )


def _busy(told: str) -> ResourceError:
    return SourceUnavailable(
        f"the server takes no statement more now: {told}. Refresh again later, or lower "
        "options.max_sessions.",
        soon=True,
    )


def _stopped(told: str) -> ResourceError:
    return QueryFailed(f"somebody stopped the statement: {told}. Refresh again.")


def _passing(told: str) -> ResourceError:
    return QueryFailed(f"{told}. It passes: refresh again.", transient=True)


# https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp
MEANINGS: dict[int, Callable[[str], ResourceError]] = {
    **dict.fromkeys((192, 193, 194, 516), _login),
    497: _privilege,
    159: _too_long,
    202: _busy,
    394: _stopped,
    # The socket, memory, another query of the same id, a replica that starts.
    **dict.fromkeys((209, 210, 216, 236, 241, 999), _passing),
}
