"""What errors of MariaDB, MySQL and PyMySQL mean. The driver is not imported: it may be absent."""

from collections.abc import Callable

from incremental_resources.errors import ResourceError
from incremental_resources.source.errors import AccessDenied, QueryFailed, SourceUnavailable


def explain(error: Exception) -> ResourceError | None:
    """The driver's error as one of ours; None if it is unknown."""
    code = error.args[0] if error.args else None
    meaning = MEANINGS.get(code) if isinstance(code, int) else None
    if meaning is None:
        return None
    told = " ".join(str(error.args[1] if len(error.args) > 1 else error).split())
    return meaning(told)


def _login(told: str) -> ResourceError:
    return AccessDenied(f"the login was refused: {told}. Fix user, password and host in the url.")


def _account(told: str) -> ResourceError:
    return AccessDenied(f"{told}. Have the account put in order, then refresh again.")


def _privilege(told: str) -> ResourceError:
    return AccessDenied(
        f"{told}. Grant the connection's role what docs/databases.md lists, then refresh again."
    )


def _no_database(told: str) -> ResourceError:
    return QueryFailed(f"{told}. Fix the url: its last part is the database that is read.")


def _not_connected(told: str) -> ResourceError:
    return SourceUnavailable(
        f"nobody takes the connection: {told}. See that the server runs and that host and port are "
        "right, then refresh again."
    )


def _no_place(told: str) -> ResourceError:
    return SourceUnavailable(
        f"the server takes no session more now: {told}. Refresh again later, give the role or the "
        "server more connections, or lower options.max_sessions.",
        soon=True,
    )


def _blocked(told: str) -> ResourceError:
    return AccessDenied(f"{told}. Let the server take connections from this machine.")


def _lost(told: str) -> ResourceError:
    return QueryFailed(f"the connection was lost: {told}. Refresh again.", transient=True)


def _passing(told: str) -> ResourceError:
    return QueryFailed(f"{told}. It passes: refresh again.", transient=True)


def _locked(told: str) -> ResourceError:
    return QueryFailed(
        f"{told}: another session (a migration, `lock tables`) holds an exclusive lock on what has "
        "to be opened. Refresh again when it is done.",
        transient=True,
    )


def _timeout(told: str) -> ResourceError:
    return QueryFailed(
        f"{told}. Raise options.statement_timeout_seconds, or lower options.batch_columns if it is "
        "columns.sql."
    )


def _stopped(told: str) -> ResourceError:
    return QueryFailed(f"somebody stopped the statement: {told}. Refresh again.")


def _too_long(told: str) -> ResourceError:
    return QueryFailed(
        f"{told}. Lower options.batch_tables, or raise the server's max_allowed_packet."
    )


def _read_only(told: str) -> ResourceError:
    return QueryFailed(f"the session is read-only: {told}. Only statements that read are run.")


def _broken(told: str) -> ResourceError:
    return QueryFailed(f"{told}. Repair the table at the source, or leave it out with `exclude`.")


# https://mariadb.com/kb/en/mariadb-error-codes/, and MySQL's
# https://dev.mysql.com/doc/mysql-errors/9.5/en/server-error-reference.html; 2000 and above, of the
# client: https://dev.mysql.com/doc/mysql-errors/9.5/en/client-error-reference.html
MEANINGS: dict[int, Callable[[str], ResourceError]] = {
    1040: _no_place,
    1044: _privilege,
    1045: _login,
    1049: _no_database,
    1053: _lost,
    1079: _lost,
    1129: _blocked,
    1130: _blocked,
    1142: _privilege,
    1143: _privilege,
    1153: _too_long,
    1158: _lost,
    1159: _lost,
    1160: _lost,
    1161: _lost,
    1203: _no_place,
    1205: _locked,
    1213: _passing,
    1226: _no_place,
    1227: _privilege,
    1317: _stopped,
    1370: _privilege,
    1412: _passing,
    1698: _login,
    1792: _read_only,
    1820: _account,
    1862: _account,
    1927: _lost,
    1969: _timeout,
    2002: _not_connected,
    2003: _not_connected,
    2005: _not_connected,
    2006: _lost,
    2013: _lost,
    2014: _lost,
    2055: _lost,
    2059: _login,
    3024: _timeout,
    3032: _no_place,
    3118: _account,
    3168: _lost,
    3169: _lost,
    4031: _lost,
    4151: _account,
}
