"""What the dialects have to say about a connection: its address, and the entities it can have.

Apart from ``config`` because dialects bring SQLAlchemy and Polars along, which a process that only
looks at ``config`` does not need. A URL is never part of a message.
"""

from collections import Counter
from pathlib import Path

from incremental_assets.config_errors import refusal, shown
from incremental_assets.core.entities import ENTITIES
from resources.errors import ResourceError
from resources.source.dialect import Dialect, dialect_for, parse_url

# Dialects whose URL names a file instead of a server.
FILE_DIALECTS = frozenset({"sqlite"})
URI = "file:"


def anchored(url: str, base: Path | None, name: str | None) -> str:
    """``url`` if a dialect reads it; the path of a database file counted from ``base``."""
    try:
        dialect = dialect_for(url)
    except ResourceError as error:
        whose = f"connection {name}: " if name else ""
        reason = f"{whose}{error}"
    else:
        return _file_url(url, base) if dialect.name in FILE_DIALECTS else url
    raise refusal(reason)


# The plan and the guard against deletions stand on these; columns and procedures may be left out.
ALWAYS = ("databases", "schemas", "tables")


def _file_url(url: str, base: Path | None) -> str:
    parsed = parse_url(url)
    path = (parsed.database or "").removeprefix(URI)
    if path in ("", ":memory:"):
        raise refusal("names no database file; allowed: sqlite:///relative/path, sqlite:////path")
    if base is None or Path(path).is_absolute():
        return url
    prefix = URI if (parsed.database or "").startswith(URI) else ""
    return parsed.set(database=f"{prefix}{base / path}").render_as_string(hide_password=False)


def database_of(url: str) -> str:
    """The database that a connection without ``include`` covers."""
    return dialect_for(url).database_of(parse_url(url))


def ordered_entities(entities: tuple[str, ...], url: str | None) -> tuple[str, ...]:
    """``entities`` in the dialect's order; without a usable URL only the words are checked."""
    dialect = None if url is None else dialect_for(url)
    available = tuple(ENTITIES) if dialect is None else dialect.entities
    problems = [_unavailable(name, dialect) for name in entities if name not in available]
    problems += [f"{shown(name)} is there twice" for name, n in Counter(entities).items() if n > 1]
    if missing := [name for name in ALWAYS if name not in entities]:
        problems.append(f"{', '.join(missing)} cannot be left out")
    if problems:
        raise refusal(f"{'; '.join(problems)}; allowed: {', '.join(available)}")
    return tuple(name for name in available if name in entities)


def _unavailable(name: str, dialect: Dialect | None) -> str:
    if dialect is None or name not in ENTITIES:
        return f"{shown(name)} is not an entity"
    return f"{dialect.title} has no {name}"
