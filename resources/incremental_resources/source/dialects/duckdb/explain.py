"""What errors of DuckDB mean. The client is not imported: it may be absent."""

import re
from pathlib import Path

from incremental_resources.errors import ResourceError
from incremental_resources.source.errors import (
    AccessDenied,
    CapabilityMissing,
    QueryFailed,
    SourceUnavailable,
)

# By a program elsewhere, or by one in this process.
IN_USE = re.compile(r"Could not set lock on file|Unique file handle conflict")
OTHER_VERSION = re.compile(r"version number \d+, but we can only read")
NO_DATABASE = re.compile(r"not a valid DuckDB database file|encrypted|Corrupt|checksum", re.I)
# The header has the version of what wrote it: https://duckdb.org/docs/internals/storage
WRITTEN_BY_AT, WRITTEN_BY_LENGTH = 52, 32


def explain(error: Exception) -> ResourceError | None:
    """The client's error as one of ours; None if it is unknown."""
    told = " ".join(str(error).split())
    if IN_USE.search(told):
        return SourceUnavailable(
            f"another program has the file open for writing, and DuckDB lets nobody read it "
            f"meanwhile: {told}. Refresh again when it is closed, or refresh a copy of the file."
        )
    if type(error).__name__ == "InterruptException":
        return QueryFailed(
            f"the statement took longer than options.statement_timeout_seconds allows: {told}. "
            "Raise it, or lower options.batch_columns if it is columns.sql."
        )
    if NO_DATABASE.search(told):
        return AccessDenied(f"{told}. Correct the URL: only plain DuckDB files are read.")
    if type(error).__name__ == "IOException":
        return QueryFailed(f"{told}. It may pass: refresh again.", transient=True)
    return None


def closed_file(path: Path) -> ResourceError:
    """A file that this process may not read."""
    return AccessDenied(f"the file {path} cannot be read. Give this user read permission.")


def file_of_another_version(path: Path, told: str) -> ResourceError:
    """A file that a later DuckDB wrote than the one that is installed, or one from before 0.9."""
    if "newer" not in told:
        return CapabilityMissing(
            f"the file {path} is too old for the installed DuckDB ({_line(told)}). "
            "Export it with the version that wrote it, and import it with a later one."
        )
    # Closing it gives up this process's locks on it: it has none, as it cannot read it.
    with path.open("rb") as file:
        header = file.read(WRITTEN_BY_AT + WRITTEN_BY_LENGTH)
    found = re.match(rb"v(\d+\.\d+\.\d+)", header[WRITTEN_BY_AT:])
    version = found[1].decode() if found else "of a later version"
    wanted = f"duckdb>={version}" if found else "--upgrade duckdb"
    return CapabilityMissing(
        f"the file {path} was written by DuckDB {version}, which the installed one cannot read "
        f"({_line(told)}). Install that version: pip install '{wanted}'."
    )


def _line(told: str) -> str:
    return " ".join(told.split())[:120]
