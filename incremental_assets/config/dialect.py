"""What the dialects have to say about a connection: its address, and the entities it can have.

Apart from ``config`` because dialects bring SQLAlchemy and Polars along, which a process that only
looks at ``config`` does not need. A URL is never part of a message.
"""

import os
import re
from collections import Counter
from pathlib import Path

from pydantic import SecretStr
from pydantic_core import PydanticCustomError

from incremental_assets.config.errors import ConfigError, refusal, shown
from incremental_assets.config.url import EnvironmentSecret, LateSecret
from incremental_assets.core.entities import ENTITIES
from incremental_resources.errors import ResourceError
from incremental_resources.source.dialect import (
    Dialect,
    dialect_for,
    dialect_in,
    dialects,
    parse_url,
)
from incremental_resources.source.errors import CapabilityMissing

# URLs that name a file, or a folder, instead of a server.
FILE_SCHEMES = frozenset({"chdb", "duckdb", "sqlite"})
URI = "file:"


def anchored(url: str, base: Path | None, name: str | None, named: str | None = None) -> str:
    """``url`` if a dialect reads it; the path of a database file counted from ``base``."""
    try:
        reading(url, named)
    except ResourceError as error:
        whose = f"connection {name}: " if name else ""
        reason = f"{whose}{error}"
    else:
        scheme = parse_url(url).drivername.partition("+")[0]
        return _file_url(url, base, scheme) if scheme in FILE_SCHEMES else url
    raise refusal(reason)


# The plan and the guard against deletions stand on these; columns and procedures may be left out.
ALWAYS = ("databases", "schemas", "tables")


def _file_url(url: str, base: Path | None, scheme: str) -> str:
    parsed = parse_url(url)
    if parsed.host or parsed.username:
        raise refusal(f"names a user or a host, which a file has not; allowed: {scheme}:////path")
    path = (parsed.database or "").removeprefix(URI)
    if path in ("", ":memory:"):
        raise refusal(
            f"names no database file; allowed: {scheme}:///relative/path, {scheme}:////path"
        )
    if base is None or Path(path).is_absolute():
        return url
    prefix = URI if (parsed.database or "").startswith(URI) else ""
    return parsed.set(database=f"{prefix}{base / path}").render_as_string(hide_password=False)


def is_folder(name: str) -> bool:
    """Whether a dialect is named by the path of its folder."""
    return name.startswith((".", "~")) or "/" in name or os.sep in name


def located(name: str, base: Path | None) -> str:
    """The name of a dialect that is there; a folder's path counted from ``base``."""
    if not is_folder(name):
        return named(name).name
    try:
        path = ((base or Path.cwd()) / Path(name).expanduser()).resolve()
    except RuntimeError:
        raise refusal("nobody has this home directory") from None
    named(str(path))
    return str(path)


def named(name: str) -> Dialect:
    """The dialect of that name, or in that folder."""
    if is_folder(name):
        try:
            return dialect_in(Path(name))
        except CapabilityMissing as error:
            raise refusal(str(error)) from None
    if name in dialects():
        return dialects()[name]
    raise refusal(
        f"{shown(name)} is not a dialect; allowed: {', '.join(dialects())}, or ./FOLDER of one"
    )


def reading(url: str, name: str | None) -> Dialect:
    """The dialect that reads ``url``: the one named, where the scheme is one of its own.

    Raises:
        CapabilityMissing: no product that is known has this scheme, or it is no URL.
    """
    wanted = named(name) if name else None
    scheme = parse_url(url).drivername.partition("+")[0]
    return wanted if wanted and scheme in wanted.url_schemes else dialect_for(url)


def checked(url: SecretStr, base: Path | None, name: str | None, dialect: str | None) -> SecretStr:
    """``url`` if it can be used; one that is looked up late is only read to learn its dialect."""
    if isinstance(url, EnvironmentSecret) and dialect is None:
        raise refusal(
            f"{url.origin} is read when a refresh begins; say with dialect which product it is: "
            f"{' or '.join(dialects())}"
        )
    if not isinstance(url, LateSecret):
        plain = SecretStr(anchored(url.get_secret_value(), base, name, dialect))
        if dialect and reading(plain.get_secret_value(), dialect) is not named(dialect):
            raise refusal(f"is not one of the dialect {dialect}; leave dialect out, or fix it")
        return plain
    if dialect is None:
        try:
            anchored(url.get_secret_value(), base, name)
        except ConfigError as error:
            hint = "With dialect: NAME it is only read when a refresh needs it."
            raise refusal(f"{error} {hint}") from None
    return url


def address_of(name: str, url: SecretStr, dialect: str | None) -> str:
    """The URL as it is now, for this connection.

    Raises:
        ConfigError: it cannot be had, is none, or is another product's.
    """
    try:
        plain = url.get_secret_value()
        if isinstance(url, LateSecret):
            plain = anchored(plain, url.base, None, dialect)
        found = reading(plain, dialect)
    except (ConfigError, ResourceError, PydanticCustomError) as error:
        raise ConfigError(f"connection {name}: {error}") from None
    if dialect and found is not named(dialect):
        raise ConfigError(
            f"connection {name}: {url} holds a {found.title} url, but dialect is {dialect}. "
            "Fix one of them."
        )
    return plain


def dialect_of(url: SecretStr, name: str | None) -> Dialect:
    """The dialect that is named, else the one that reads the URL."""
    return named(name) if name else dialect_for(url.get_secret_value())


def database_of(url: str, dialect: str | None) -> str:
    """The database that a connection without ``include`` covers."""
    return reading(url, dialect).database_of(parse_url(url))


def schemas_of(url: str, name: str | None) -> dict[str, tuple[str, ...]]:
    """The ``include`` of a connection without one whose URL means some schemas only."""
    dialect, parsed = reading(url, name), parse_url(url)
    schemas = tuple(map(re.escape, dialect.schemas_of(parsed)))
    return {re.escape(dialect.database_of(parsed)): schemas} if schemas else {}


def ordered_entities(entities: tuple[str, ...], dialect: Dialect | None) -> tuple[str, ...]:
    """``entities`` in the dialect's order; where it is not known only the words are checked."""
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
