"""What each pattern of a connection's filters matches at its server, for ``check``.

What the filters admit together is decided in ``core.scope``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from incremental_assets.config.connection import Connection
from incremental_assets.core.entities import DATABASES, SCHEMAS
from incremental_assets.core.names import path_of

if TYPE_CHECKING:
    from incremental_assets.cli.checking import CheckedServer

SHOWN_NAMES = 10


def filters_of(connection: Connection) -> Iterator[tuple[str, Mapping[str, tuple[str, ...]]]]:
    """Both sides of a connection's filters, by name."""
    yield "include", connection.include
    yield "exclude", connection.exclude


def any_match(pattern: str, names: Iterable[str]) -> bool:
    """The rule of ``core.scope``: the whole name, whatever characters it has."""
    compiled = re.compile(pattern, re.DOTALL)
    return any(compiled.fullmatch(name) for name in names)


def names_shown(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(path_of([name]) for name in names[:SHOWN_NAMES])
    more = len(names) - SHOWN_NAMES
    return (shown or "none") + (f" and {more} more" if more > 0 else "")


def listed_databases(server: "CheckedServer") -> list[str]:
    """Every database of the server, whatever the filters say."""
    listed = server.seeing([".*"]).listing(DATABASES.name, DATABASES.schema)
    return listed["database"].to_list()


def matched(server: "CheckedServer", database: str, patterns: Sequence[str]) -> str:
    """What one line of a filter matches, whatever the others say."""
    there = [one for one in listed_databases(server) if any_match(database, [one])]
    if not there:
        return "matches no database"
    told = [f"databases: {names_shown(there)}"]
    listed = server.seeing(map(re.escape, there)).listing(SCHEMAS.name, SCHEMAS.schema)
    schemas = sorted(set(listed["schema"]))
    for pattern in patterns or [".*"]:
        found = [schema for schema in schemas if any_match(pattern, [schema])]
        told.append(f"schemas {pattern if patterns else '*'}: {names_shown(found)}")
    return "; ".join(told)
