"""What PostgreSQL's and psycopg's errors mean to us. The driver is not imported: it may be absent."""

import re

from resources.errors import ResourceError
from resources.source.errors import AccessDenied, QueryFailed, SourceUnavailable

# SQLSTATEs, https://www.postgresql.org/docs/current/errcodes-appendix.html
GONE = ("57P01", "57P02", "57P03", "57P05")
FULL = ("53300",)
LOGIN = ("28000", "28P01")
PRIVILEGE = ("42501",)
TIMEOUT = ("57014",)
LOCKED = ("55P03",)
PASSING = ("40001", "40P01", "53000", "53100", "53200", "53400", "58000", "58030")

# While connecting there is no SQLSTATE, only the server's words.
LOGIN_WORDS = ("authentication failed", "no pg_hba.conf entry", "no password supplied")
NO_DATABASE = re.compile(r'database ".*" does not exist')
NO_ROLE = re.compile(r'role ".*" does not exist')
NOT_PERMITTED_WORDS = ("permission denied for database", "is not permitted to log in")
CONNECT_WORDS = ("connection failed", "connection is bad", "connection timeout", "resolve host")
# Printing functions look at the catalog as it is now, not as the snapshot sees it.
MOVED_WORDS = ("with OID", "cache lookup failed")


def explain(error: Exception) -> ResourceError | None:
    """The driver's error as one of ours; None if it is unknown."""
    told = _told(error)
    state = getattr(error, "sqlstate", None)
    if state is not None:
        return _by_state(str(state), told)
    if any(base.__name__ == "OperationalError" for base in type(error).__mro__):
        return _connecting(told) or _broken(told)
    if "invalid connection option" in told:
        return QueryFailed(f"libpq does not know an option of the url: {told}. Mend the url.")
    return None


def _told(error: Exception) -> str:
    """The server's own words, without the lines that add nothing."""
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    lines = [line.strip() for line in str(primary or error).splitlines() if line.strip()]
    return lines[0] if primary else " ".join(lines) or type(error).__name__


def _by_state(state: str, told: str) -> ResourceError | None:
    if state in GONE or state in FULL:
        return SourceUnavailable(f"the server takes no sessions now: {told}. Try again later.")
    if state in LOGIN:
        return _login(told)
    if state in PRIVILEGE:
        return AccessDenied(f"{told}. Grant it to the connection's role, then refresh again.")
    if state in TIMEOUT:
        return _cancelled(told)
    if state in LOCKED:
        return QueryFailed(
            "another session holds an exclusive lock on a relation whose definition is printed: "
            f"{told}. It passes when that session ends; then refresh again.",
            transient=True,
        )
    if state in PASSING or state.startswith("08"):
        return QueryFailed(f"the server broke off a statement: {told}.", transient=True)
    if any(words in told for words in MOVED_WORDS):
        return QueryFailed(f"the catalog changed while it was read: {told}.", transient=True)
    return None


def _cancelled(told: str) -> ResourceError:
    if "statement timeout" in told:
        return QueryFailed(
            f"{told}. If the catalog is that large, raise options.statement_timeout_seconds; "
            "or lower options.batch_columns."
        )
    return QueryFailed(f"someone stopped a statement: {told}. Refresh again.")


def _connecting(told: str) -> ResourceError | None:
    """What a session that never began died of."""
    if any(words in told for words in LOGIN_WORDS) or NO_ROLE.search(told):
        return _login(told)
    if any(words in told for words in NOT_PERMITTED_WORDS):
        return AccessDenied(f"{told}. Grant connect and login to the connection's role.")
    if NO_DATABASE.search(told):
        return QueryFailed(f"{told}. Mend the url, or the `include` of the connection.")
    if any(words in told for words in CONNECT_WORDS):
        return SourceUnavailable(
            f"nobody takes the connection: {told}. See that the server runs and that host and "
            "port are right, then try again."
        )
    return None


def _login(told: str) -> ResourceError:
    return AccessDenied(f"the login was refused: {told}. Mend user and password in the url.")


def _broken(told: str) -> ResourceError:
    return QueryFailed(f"the connection was lost: {told}. Refresh again.", transient=True)
