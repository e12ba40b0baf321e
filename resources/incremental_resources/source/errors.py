"""The errors of a source, named by what to do about them. Each dialect maps its driver's to these.

ResourceError
├── SourceUnavailable   nobody answers, or somebody else does: try again (transient)
├── AccessDenied        the login or a privilege is missing: fix the grants
├── CapabilityMissing   a driver, a version or an SQL file is missing: install or upgrade it
├── QueryFailed         the server refused or broke off a statement; transient if set so
└── SchemaDrift         a query returned other columns than the entity has: fix the dialect's SQL
"""

from collections.abc import Mapping, Sequence

from incremental_resources.errors import ResourceError


class SourceUnavailable(ResourceError):
    """The server does not answer now, or another server answered; which one is in the message.

    ``soon``: seconds may be enough. It starts, has no place for one more session, or lags behind.
    """

    transient = True

    def __init__(self, message: str, *, soon: bool = False) -> None:
        super().__init__(message)
        self.soon = soon


class AccessDenied(ResourceError):
    """The server knows us not, or does not let us read; the role and object are in the message."""


class CapabilityMissing(ResourceError):
    """Something has to be installed, upgraded or written first; what is in the message."""


class QueryFailed(ResourceError):
    """A statement failed; ``transient`` tells whether repeating it may help."""

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient


class SchemaDrift(ResourceError):
    """A query returned other columns or types than the entity has; they are in the message."""


def closed_message(name: str, closed: Sequence[Mapping[str, str]]) -> str:
    """What a connection says of databases (rows of ``closed.sql``) that nobody can connect to."""
    which = ", ".join(f"{row['database']!r} ({row['reason']})" for row in closed)
    remedies = "; ".join(row["remedy"] for row in closed)
    return (
        f"{name}: there, but taking no connections: {which}. What cannot be read is not taken for "
        f"gone. At the server: {remedies}. Or leave it out with `exclude`. Then refresh again."
    )
