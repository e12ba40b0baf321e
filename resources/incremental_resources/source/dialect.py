"""What is known of a database product: facts, a few small functions, and the SQL beside them.

Opening connections and reading rows is not done here (``source.py``). How to add a product:
``dialects/README.md``.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module, resources
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from runpy import run_path
from types import MappingProxyType
from typing import Any

import polars as pl
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from incremental_resources.errors import ResourceError
from incremental_resources.source.errors import CapabilityMissing

FOLDER = "incremental_resources.source.dialects"
# A product is known by its folder's name here; the folder's dialect.py holds a DIALECT.
FOLDERS = ("clickhouse", "duckdb", "mariadb", "mysql", "postgresql", "sqlite")
# Entry points of other packages, each a Dialect.
GROUP = "incremental_assets.dialects"
PASSWORD_WITH_AT = re.compile(r"[\w+]+://[^:/]*:[^@]*@.*@", re.DOTALL)


def _same_database(url: URL, database: str) -> URL:
    return url.set(database=database)


def _named_database(url: URL) -> str:
    return url.database or ""


def _every_schema(_url: URL) -> tuple[str, ...]:
    return ()


def _all_text(_error: Exception) -> bool:
    return False


def _not_found(_cursor: object, _names: Sequence[str]) -> str | None:
    return None


def _unexplained(_error: Exception) -> ResourceError | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """A database product as the rest of the program sees it.

    ``sql("tables")`` reads ``tables.sql`` of the folder ``name``. Facts come first; a function is
    only there where a fact cannot say it.
    """

    name: str
    title: str
    url_schemes: tuple[str, ...]
    drivername: str
    extra: str
    minimum_version: tuple[int, ...]
    entities: tuple[str, ...]
    durable_ids: bool
    durable_ordinals: bool
    creation_times: bool
    # Whether identity.sql says how far the server has got, and since when it runs.
    gives_position: bool
    tells_restarts: bool
    token_covers: str
    token_has_time: bool
    # How sqlglot calls the product, and whether stored definitions of views name every schema.
    sqlglot_dialect: str
    definitions_name_schemas: bool
    hides_what_is_not_granted: bool
    verified: str
    bind_tables: Callable[[pl.DataFrame], dict[str, object]]
    engine_options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    # Opens the driver's connection in its stead; one that hears nothing for ``silence_seconds`` is
    # to end with the driver's error.
    connect: Callable[..., Any] | None = None
    # Around the end of the driver's connection: over when the server has given its place away.
    leaving: Callable[[Any], AbstractContextManager[None]] = nullcontext
    # Whether a session may be used again by the next one in the same database.
    keeps_sessions: bool = True
    database_of: Callable[[URL], str] = _named_database
    url_for: Callable[[URL, str], URL] = _same_database
    # The schemas that a URL means; none: every one of its database.
    schemas_of: Callable[[URL], tuple[str, ...]] = _every_schema
    # The names of schemas as the driver takes them for ``:schemas``.
    bind_schemas: Callable[[Sequence[str]], object] = list
    # A row of grants.sql without what must not be kept.
    grant_text: Callable[[str], str] = str
    # Another product whose files are this one's too, but for those of its own folder.
    parent: "Dialect | None" = None
    # Values of placeholders of its own, in any of its files.
    placeholders: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    explain: Callable[[Exception], ResourceError | None] = _unexplained
    # Whether the driver's error means a text in the catalog that is none; then, of the cursor of
    # the same statement (after bytes.sql, if there is one) and its columns: which text of what.
    not_text: Callable[[Exception], bool] = _all_text
    find_not_text: Callable[[Any, Sequence[str]], str | None] = _not_found
    package: str = FOLDER
    # Where the files are if they are in no package.
    folder: Path | None = None

    def has(self, name: str) -> bool:
        """Whether there is a ``<name>.sql``, here or in the parent's folder."""
        return self._text(name) is not None

    def sql(self, name: str) -> str:
        """The text of ``<name>.sql``.

        Raises:
            CapabilityMissing: the folder has no such file.
        """
        text = self._text(name)
        if text is None:
            raise CapabilityMissing(
                f"{self.title} has no {name}.sql: it cannot list {name}. "
                f"Leave {name} out of `entities`, or add the file to the folder {self.name}."
            )
        return text

    def _text(self, name: str) -> str | None:
        own = _read(self.folder or self.package, self.name, name)
        return self.parent._text(name) if own is None and self.parent else own

    def engine_url(self, url: URL, database: str | None = None) -> URL:
        """``url`` with our driver, for ``database`` or for the one it names."""
        ours = url.set(drivername=self.drivername)
        return ours if database is None else self.url_for(ours, database)

    def check_version(self, version: str) -> None:
        """Refuse a server older than ``minimum_version``."""
        digits = re.search(r"\d+(?:\.\d+)*", version)
        found = tuple(int(part) for part in digits.group().split(".")) if digits else ()
        if found < self.minimum_version:
            needed = ".".join(map(str, self.minimum_version))
            raise CapabilityMissing(
                f"The server is {self.title} {version or 'of unknown version'}, but {needed} is "
                "the oldest that can be read. Upgrade the server, or leave this connection out."
            )


@cache
def _read(place: Path | str, product: str, name: str) -> str | None:
    folder = place if isinstance(place, Path) else resources.files(place) / product
    file = folder / f"{name}.sql"
    return file.read_text("utf-8") if file.is_file() else None


@cache
def dialects() -> Mapping[str, Dialect]:
    """Every product that ships, then those of other packages that are installed, by name.

    Raises:
        CapabilityMissing: another package's cannot be used.
    """
    ours = [import_module(f"{FOLDER}.{folder}.dialect").DIALECT for folder in FOLDERS]
    found = {dialect.name: dialect for dialect in ours}
    for entry in sorted(entry_points(group=GROUP)):
        dialect = _of_another_package(entry)
        if dialect.name in found:
            raise _unusable(entry, f"there is a dialect {dialect.name} already")
        found[dialect.name] = dialect
    return MappingProxyType(found)


def _of_another_package(entry: EntryPoint) -> Dialect:
    try:
        dialect = entry.load()
    except (ImportError, AttributeError) as error:
        reason = f"it cannot be loaded ({error})"
    else:
        if isinstance(dialect, Dialect):
            return dialect
        reason = f"it is a {type(dialect).__name__}, not a Dialect"
    raise _unusable(entry, reason)


def _unusable(entry: EntryPoint, reason: str) -> CapabilityMissing:
    whose = entry.dist.name if entry.dist else "another package"
    return CapabilityMissing(
        f"The entry point {entry.name} = {entry.value} of {whose} in the group {GROUP} cannot be "
        f"used: {reason}. Fix that package, or uninstall it."
    )


@cache
def dialect_in(folder: Path) -> Dialect:
    """The ``DIALECT`` of a folder's ``dialect.py``; its files are those of the folder.

    Raises:
        CapabilityMissing: there is none, or it cannot be used.
    """
    file = folder / "dialect.py"
    if not file.is_file():
        raise _unusable_file(file, "it is not there")
    try:
        dialect = run_path(str(file)).get("DIALECT")
    except Exception as error:  # noqa: BLE001 - somebody else's program
        reason = f"{type(error).__name__}: {error}"
    else:
        reason = ""
    if reason:
        raise _unusable_file(file, reason)
    if not isinstance(dialect, Dialect):
        raise _unusable_file(file, "it sets no DIALECT that is a Dialect")
    if dialect.name in dialects():
        raise _unusable_file(file, f"there is a dialect {dialect.name} already")
    return replace(dialect, folder=folder)


def _unusable_file(file: Path, reason: str) -> CapabilityMissing:
    return CapabilityMissing(
        f"The dialect in {file} cannot be used: {reason}. Fix that file, or the path in `dialect`."
    )


def parse_url(url: str | URL) -> URL:
    """``url`` parsed, without ever repeating its text.

    Raises:
        CapabilityMissing: it is no URL.
    """
    # What follows an @ in a password would count as the host, and be told as such.
    if isinstance(url, str) and PASSWORD_WITH_AT.match(url):
        raise CapabilityMissing(
            "The connection's url has more than one @ (its text is not shown: it may hold a "
            "password). Percent-encode special characters of user and password: @ is %40."
        )
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        message = (
            "The connection's url is not a database URL (its text is not shown: it may hold a "
            "password). Write it as dialect://user:password@host:port/database."
        )
    raise CapabilityMissing(message)


def dialect_for(url: str | URL) -> Dialect:
    """The product that ``url`` means.

    Raises:
        CapabilityMissing: no product that is known has this scheme, or it is no URL.
    """
    scheme = parse_url(url).drivername.partition("+")[0]
    for dialect in dialects().values():
        if scheme in dialect.url_schemes:
            return dialect
    known = ", ".join(f"{name}://" for one in dialects().values() for name in one.url_schemes)
    raise CapabilityMissing(
        f"No dialect reads {scheme}:// URLs. Known are {known}. "
        "How to add one is in resources/incremental_resources/source/dialects/README.md."
    )
