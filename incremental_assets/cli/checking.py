"""What ``check`` tries, one finding each: the place of the state, then every connection.

Nothing is written to a source; the store's own check leaves nothing behind. The demo's server is
stopped again if it was started for this.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import polars as pl

from incremental_assets.cli.matching import (
    any_match,
    filters_of,
    listed_databases,
    matched,
    names_shown,
)
from incremental_assets.cli.trying_sinks import tried
from incremental_assets.config.connection import Connection
from incremental_assets.config.model import Config
from incremental_assets.config.url import FileSecret
from incremental_assets.core.entities import DATABASES, ENTITIES, SCHEMAS, TABLES
from incremental_assets.core.names import path_of
from incremental_assets.core.watch import about
from incremental_assets.steps.failures import OUR_ERRORS
from incremental_assets.steps.stored import scan_of
from incremental_assets.wiring import open_objects, open_source, open_state
from incremental_resources.demo.server import DemoServer
from incremental_resources.source.errors import CapabilityMissing
from incremental_resources.source.source import Source

CLOCKS_AGREE_SECONDS = 60
Status = Literal["ok", "warn", "failed"]


@dataclass(frozen=True)
class CheckResult:
    """How one thing that was tried came out."""

    connection: str | None
    check: str
    result: Status
    seconds: float
    message: str

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)


@dataclass(frozen=True)
class Success:
    """What is to be said of something that worked."""

    message: str
    warnings: Sequence[str] = field(default=())

    @property
    def text(self) -> str:
        """The warnings last."""
        return "; ".join([self.message, *self.warnings])


def attempt(connection: str | None, check: str, body: Callable[[], Success]) -> CheckResult:
    """Try ``body``; an error of ours is a finding too."""
    started = time.monotonic()
    result: Status
    try:
        told = body()
        result, message = "warn" if told.warnings else "ok", told.text
    except OUR_ERRORS as error:
        result, message = "failed", f"{type(error).__name__}: {error}"
    return CheckResult(connection, check, result, round(time.monotonic() - started, 3), message)


def check_all(
    config: Config, connections: Iterable[Connection], *, full: bool
) -> Iterator[CheckResult]:
    """CheckResult by finding, as they are made."""
    yield attempt(None, "store", lambda: _store(config))
    for connection in connections:
        with _server_as_it_was(config, connection):
            yield from _connection(config, connection, full=full)


@contextmanager
def _server_as_it_was(config: Config, connection: Connection) -> Iterator[None]:
    demo = DemoServer(config.base) if connection.embedded else None
    start = demo is not None and not demo.running()
    try:
        yield
    finally:
        if demo is not None and start:
            demo.stop()


def _store(config: Config) -> Success:
    objects = open_objects(config)
    objects.check()
    return Success(f"{objects.uri} can be written and honours conditional writes")


def _connection(config: Config, connection: Connection, *, full: bool) -> Iterator[CheckResult]:
    name = connection.name
    yield attempt(name, "state", lambda: _state(config, name))
    if connection.watch:
        yield attempt(name, "watch", lambda: _watch(config, connection))
    for sink in connection.sinks:
        yield attempt(name, f"sink {sink.sink_name}", lambda sink=sink: Success(tried(sink)))
    probed: list[CheckedServer] = []
    login = attempt(name, "login", lambda: _login(config, connection, probed))
    yield login
    if login.result == "failed":
        return
    (server,) = probed
    try:
        for check, body in _checks(server, full=full):
            yield attempt(name, check, body)
    finally:
        server.close()


def _state(config: Config, name: str) -> Success:
    version = open_state(config, name).current()
    if version is None:
        return Success("never refreshed")
    version.verify()
    return Success(
        f"version {version.number} is there, and every file is what it was committed with"
    )


def _watch(config: Config, connection: Connection) -> Success:
    version = open_state(config, connection.name).current()
    if version is None:
        return Success("never refreshed: what the rules match is not known yet")
    tables = scan_of(version, TABLES).collect()
    matched = {rule: about(tables, rule.tables, rule.databases).height for rule in connection.watch}
    unused = [
        f"{rule.check_name}: {rule.tables!r} matches no table of version {version.number}"
        for rule, count in matched.items()
        if not count
    ]
    told = [f"{rule.check_name}: {count:,}" for rule, count in matched.items()]
    return Success(f"tables by rule: {', '.join(told)}", unused)


class CheckedServer:
    """A connection's server, seen with the connection's filters and without them."""

    def __init__(self, config: Config, connection: Connection) -> None:
        self.connection = connection
        self.scope = connection.scope()
        self.source = open_source(config, connection)

    def seeing(self, databases: Iterable[str]) -> Source:
        """The same server with all schemas of the databases that match these patterns."""
        include = dict.fromkeys(databases, ())
        wider = self.connection.model_copy(update={"include": include, "exclude": {}})
        return self.source.seeing(wider.scope())

    def close(self) -> None:
        """Close every session."""
        self.source.close()


def _login(config: Config, connection: Connection, probed: list[CheckedServer]) -> Success:
    server = CheckedServer(config, connection)
    try:
        server.source.clock()
    except OUR_ERRORS:
        server.close()
        raise
    probed.append(server)
    return Success(f"{server.source.dialect.title} answers", _exposed(connection))


def _exposed(connection: Connection) -> list[str]:
    """Whether others can read what only this process has to."""
    if isinstance(connection.url, FileSecret) and connection.url.open_to_everybody():
        return [f"every user of this machine may read {connection.url_file}: chmod 600 it"]
    return []


def _checks(server: CheckedServer, *, full: bool) -> Iterator[tuple[str, Callable[[], Success]]]:
    """What is tried once the login worked; each by itself."""
    yield "version", lambda: Success(server.source.version())
    yield "identity", lambda: _identity(server.source)
    yield "clock", lambda: _clock(server.source)
    yield "probe", lambda: _probe(server.source)
    yield "databases", lambda: _databases(server)
    yield "schemas", lambda: _schemas(server)
    for side, filters in filters_of(server.connection):
        for database, patterns in filters.items():
            yield (
                f"{side} {database}",
                lambda database=database, patterns=patterns: Success(
                    matched(server, database, patterns)
                ),
            )
    for entity in server.scope.entities:
        if entity not in (DATABASES.name, SCHEMAS.name):
            yield f"read {entity}", lambda entity=entity: _rights(server.source, entity)
    for entity in ("tables", "procedures") if full else ():
        if entity in server.scope.entities:
            yield entity, lambda entity=entity: _listing(server, entity)


def _clock(source: Source) -> Success:
    before = datetime.now(UTC)
    theirs = source.clock()
    after = datetime.now(UTC)
    # What lies between the two readings of this machine's clock is no offset.
    ahead = (theirs - after).total_seconds()
    behind = (before - theirs).total_seconds()
    offset = max(ahead, behind, 0.0)
    word = "ahead of" if ahead > behind else "behind"
    message = f"{offset:.1f} s {word} this machine's clock"
    if offset <= CLOCKS_AGREE_SECONDS:
        return Success(message if offset >= 0.1 else "the same as this machine's")
    return Success(message, ["ages in `status` are wrong by that; increments are not"])


def _identity(source: Source) -> Success:
    facts = source.identity()["identity"]
    return Success(", ".join(f"{name} {value}" for name, value in facts.items()))


def _rights(source: Source, entity: str) -> Success:
    """Whether the login may run the entity's statement in every database that is read."""
    databases = source.databases()
    for database in databases:
        source.try_statement(entity, database)
    where = "1 database" if len(databases) == 1 else f"{len(databases)} databases"
    return Success(f"the login may do that in {where}")


def _probe(source: Source) -> Success:
    if source.probe() is None:
        return Success(f"{source.dialect.title} has none: every refresh lists")
    return Success("answers")


def _databases(server: CheckedServer) -> Success:
    there = listed_databases(server)
    admitted = server.source.databases()
    if not admitted:
        raise CapabilityMissing(
            f"the filters admit none of the databases there are: {names_shown(there)}. Databases "
            "are matched whole and case-sensitively; fix `include` and `exclude`."
        )
    warnings = [
        f"{side} {pattern!r} matches no database"
        for side, filters in filters_of(server.connection)
        for pattern in filters
        if not any_match(pattern, there)
    ]
    return Success(f"{len(admitted)} of {len(there)} are read: {names_shown(admitted)}", warnings)


def _schemas(server: CheckedServer) -> Success:
    admitted = server.source.databases()
    # With the connection's own filters, what they leave out could not be told from a mistake.
    listed = server.seeing(map(re.escape, admitted)).listing(SCHEMAS.name, SCHEMAS.schema)
    there = list(listed.select("database", "schema").iter_rows())
    read = [place for place in there if server.scope.admits_schema(*place)]
    counts = {database: sum(one == database for one, _ in read) for database in admitted}
    warnings = [
        f"{side} {database!r}: {pattern!r} matches no schema"
        for side, filters in filters_of(server.connection)
        for database, patterns in filters.items()
        for pattern in patterns
        if not any(any_match(database, [db]) and any_match(pattern, [name]) for db, name in there)
    ]
    warnings += [f"no schema of {path_of([db])} is read" for db, n in counts.items() if not n]
    told = ", ".join(f"{path_of([database])}: {count}" for database, count in counts.items())
    hint = ""
    if server.source.dialect.hides_what_is_not_granted:
        hint = f" ({server.source.dialect.title} shows only what the role may see)"
    return Success(f"{len(read)} of {len(there)} are read, {told or 'none'}{hint}", warnings)


def _listing(server: CheckedServer, entity: str) -> Success:
    listed = server.source.listing(entity, ENTITIES[entity].schema)
    pattern = server.scope.exclude_tables
    if entity != "tables" or pattern is None:
        return Success(f"{listed.height:,} listed")
    names: pl.Series = listed["table"].unique()
    unused = [] if any_match(pattern, names) else [f"exclude_tables {pattern!r} matches no table"]
    left_out = [name for name in sorted(names) if any_match(pattern, [name])]
    told = (
        f"exclude_tables leaves out {len(left_out):,}: {names_shown(left_out)}" if left_out else ""
    )
    return Success("; ".join(filter(None, [f"{listed.height:,} listed", told])), unused)
