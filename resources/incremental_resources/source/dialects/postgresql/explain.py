"""What errors of PostgreSQL and psycopg mean. The driver is not imported: it may be absent."""

import re
from collections.abc import Callable

from incremental_resources.errors import ResourceError
from incremental_resources.source.errors import AccessDenied, QueryFailed, SourceUnavailable

MISSING_GRANT = re.compile(r"permission denied for (table|view|function) (\w+)")
GRANTS = {"table": "select on", "view": "select on", "function": "execute on function"}
# While connecting there is no SQLSTATE, only the server's words.
LOGIN = re.compile(
    r'authentication failed|no pg_hba\.conf entry|no password supplied|role ".*" does not exist'
)
NOT_PERMITTED = re.compile(r"permission denied for database|is not permitted to log in")
# https://www.postgresql.org/docs/current/runtime-config-connection.html; the last is PgBouncer's.
NO_PLACE = re.compile(
    r"too many (clients|connections)|connection slots are reserved|no more connections allowed|"
    r"database system is (starting up|shutting down|in recovery mode|not yet accepting)"
)
NO_DATABASE = re.compile(r'database ".*" does not exist')
NOT_CONNECTED = re.compile(
    r"connection (failed|is bad|timeout)|resolve host|could not (connect|translate)"
)
OPTION = re.compile(
    r"invalid value for parameter|unrecognized configuration parameter|connection option|"
    r"invalid command-line argument|permission denied to set parameter|invalid \S+ value"
)
# Printing functions look at the catalog as it is now, not as the snapshot sees it.
MOVED = re.compile(r"with OID \d+|cache lookup failed|invalid internal value for enum")


def explain(error: Exception) -> ResourceError | None:
    """The driver's error as one of ours; None if it is unknown."""
    told = _told(error)
    state = getattr(error, "sqlstate", None)
    if state is not None:
        return _refused(str(state), told)
    if any(base.__name__ == "OperationalError" for base in type(error).__mro__):
        return _not_connected(told) or _passing(f"the connection was lost: {told}")
    return _option(told) if OPTION.search(told) else None


def _told(error: Exception) -> str:
    """The server's own words on one line."""
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    return " ".join(str(primary or error).split()) or type(error).__name__


def _not_connected(told: str) -> ResourceError | None:
    """What a session died of that never began."""
    if LOGIN.search(told):
        return _login(told)
    if NOT_PERMITTED.search(told):
        return AccessDenied(f"{told}. Grant connect and login to the connection's role.")
    if NO_PLACE.search(told):
        return _no_place(told)
    if NO_DATABASE.search(told):
        return QueryFailed(f"{told}. Fix the url, or the connection's `include`.")
    if OPTION.search(told):
        return _option(told)
    if NOT_CONNECTED.search(told):
        return SourceUnavailable(
            f"nobody takes the connection: {told.removesuffix('?')}. See that the server runs and "
            "that host and port are right, then refresh again."
        )
    return None


def _refused(state: str, told: str) -> ResourceError | None:
    """What the server said with an SQLSTATE."""
    if state in MEANINGS:
        return MEANINGS[state](told)
    if state.startswith("08") or MOVED.search(told):
        return _passing(told)
    return None


def _passing(told: str) -> ResourceError:
    return QueryFailed(f"{told}. It passes: refresh again.", transient=True)


def _option(told: str) -> ResourceError:
    return QueryFailed(f"an option of the url is refused: {told}. Fix the url.")


def _login(told: str) -> ResourceError:
    return AccessDenied(f"the login was refused: {told}. Fix user and password in the url.")


def _busy(told: str) -> ResourceError:
    return SourceUnavailable(f"the server takes no sessions now: {told}. Refresh again later.")


def _no_place(told: str) -> ResourceError:
    return SourceUnavailable(
        f"the server takes no session more now: {told}. Refresh again later, give the role or the "
        "server more connections, or lower options.max_sessions.",
        soon=True,
    )


def _privilege(told: str) -> ResourceError:
    found = MISSING_GRANT.search(told)
    if found is None:
        return AccessDenied(f"{told}. Grant it to the connection's role, then refresh again.")
    # Only the system's own catalogs are read, which everybody may unless it was revoked.
    what = f"{GRANTS[found[1]]} pg_catalog.{found[2]}"
    return AccessDenied(
        f"{told}. In that database, run `grant {what} to` the connection's role, then refresh "
        "again."
    )


def _stopped(told: str) -> ResourceError:
    if "statement timeout" not in told:
        return QueryFailed(f"somebody stopped the statement: {told}. Refresh again.")
    return QueryFailed(
        f"{told}. Raise options.statement_timeout_seconds, or lower options.batch_columns if it is "
        "columns.sql."
    )


def _locked(told: str) -> ResourceError:
    return QueryFailed(
        f"{told}: another session (a migration, a refresh of a materialized view) holds an "
        "exclusive lock on a relation whose definition has to be printed. Refresh again when it "
        "is done.",
        transient=True,
    )


def _locks_used_up(told: str) -> ResourceError:
    return QueryFailed(
        f"{told}. Printing a view holds a lock on all that it reads: with many thousands of views "
        "the server needs a higher max_locks_per_transaction, as it does for pg_dump."
    )


# SQLSTATEs: https://www.postgresql.org/docs/current/errcodes-appendix.html
MEANINGS: dict[str, Callable[[str], ResourceError]] = {
    "28000": _login,
    "28P01": _login,
    "40001": _passing,
    "40P01": _passing,
    "42501": _privilege,
    "53000": _passing,
    "53100": _passing,
    "53200": _locks_used_up,
    "53300": _no_place,
    "55P03": _locked,
    "57014": _stopped,
    "57P01": _busy,
    "57P02": _busy,
    "57P03": _no_place,
    "57P05": _busy,
    "58000": _passing,
    "58030": _passing,
}
