"""One SQL server as a source of metadata: which statements make a listing, a batch, a probe.

What the statements say is in ``dialects/``; what their rows mean is decided by the caller.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType
from typing import Any, Protocol, Self, TypeVar

import polars as pl
from sqlalchemy import URL

from incremental_resources.source.dialect import Dialect
from incremental_resources.source.errors import SourceUnavailable, closed_message
from incremental_resources.source.pinning import Facts, Pin
from incremental_resources.source.probes import ProbeReading, combined
from incremental_resources.source.session import Session
from incremental_resources.source.sessions import Sessions

NO_TABLES = pl.DataFrame(schema=dict.fromkeys(("schema", "table", "native_id"), pl.String()))

NONE_YET: Mapping[str, ProbeReading] = MappingProxyType({})

Schema = Mapping[str, pl.DataType]
T = TypeVar("T")


class ScopeLike(Protocol):
    """What a source needs to know of a scope."""

    @property
    def partitions(self) -> str:
        """``collapse`` or ``list``."""

    def admits_database(self, database: str) -> bool:
        """Whether the filters let this database in."""

    def names_database(self, database: str) -> bool:
        """Whether the filters ask for this very database, and not for any that fits."""

    def admits_schema(self, database: str, schema: str) -> bool:
        """Whether the filters let this schema in."""


class Source:
    """The metadata of one SQL server, as far as a scope admits it. Safe to use from threads.

    ``url`` may be a function, so that a secret is looked up when it is needed and not before.
    Every method opens sessions of its own, one after another: with ``max_sessions`` 1 all works.
    """

    def __init__(
        self,
        url: Callable[[], URL | str] | URL | str,
        dialect: Dialect,
        scope: ScopeLike,
        *,
        statement_timeout_seconds: int,
        name: str,
        max_sessions: int = 4,
    ) -> None:
        self.dialect = dialect
        self.name = name
        self._scope = scope
        self._max_sessions = max_sessions
        self._pin: Pin | None = None
        self._sessions = Sessions(
            url,
            dialect,
            statement_timeout_seconds=statement_timeout_seconds,
            name=name,
            most=max_sessions,
        )

    def pinned_to(self, known: Mapping[str, Any]) -> Self:
        """This source, all of whose sessions are with the server that ``known`` is of.

        ``known``: what ``identity()`` or ``reached`` returned. What a session sees is never behind
        that, nor behind what an earlier one of the same pinned source saw. Sessions are shared.
        """
        pinned = copy(self)
        pinned._pin = Pin(known)
        return pinned

    def seeing(self, scope: ScopeLike) -> Self:
        """This source as another scope admits it. Sessions are shared."""
        other = copy(self)
        other._scope = scope
        return other

    @property
    def reached(self) -> Facts:
        """Of a pinned source: the server it is pinned to, and the furthest that one was seen."""
        if self._pin is None:
            raise RuntimeError(f"{self.name} is not pinned")
        return self._pin.reached

    def _session(
        self, purpose: str, database: str | None = None
    ) -> AbstractContextManager[Session]:
        return self._sessions.session(purpose, database, self._pin)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection; using the source again opens new ones."""
        self._sessions.close()

    def clock(self) -> datetime:
        """The source's own time, UTC."""
        with self._session("the clock") as session:
            value = session.rows("now")[0]["now"]
            # Whatever is read later must show all that was there at this time.
            session.prove()
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    def identity(self) -> Facts:
        """Which server this is (``identity``), how far it has got (``position``), since when it
        runs (``restart``, where the product tells)."""
        with self._session("the server's identity") as session:
            return session.facts()

    def grants(self) -> dict[str, list[str]]:
        """``grants``: what the role may do; empty where a product shows all to everybody."""
        with self._session("the role's grants") as session:
            found = session.grants()
        return {} if found is None else {"grants": found}

    def version(self) -> str:
        """The server's version.

        Raises:
            CapabilityMissing: it is older than the dialect can read.
        """
        with self._session("the server's version") as session:
            version = str(session.rows("version")[0]["version"])
            self.dialect.check_version(version)
        return version

    def databases(self, known: Collection[str] = ()) -> list[str]:
        """The names of the databases that can be read and that the scope admits, sorted.

        Raises:
            SourceUnavailable: one that the scope admits, and names or has among ``known``, is there
                but takes no connections: that is no absence.
        """
        with self._session("databases") as session:
            names = [str(row["database"]) for row in session.rows("databases")]
            closed = session.rows("closed") if self.dialect.has("closed") else []
        missed = [
            row
            for row in closed
            if self._scope.admits_database(row["database"])
            and (row["database"] in known or self._scope.names_database(row["database"]))
        ]
        if missed:
            raise SourceUnavailable(closed_message(self.name, missed))
        return sorted(filter(self._scope.admits_database, names))

    def probe(self, databases: Sequence[str] | None = None) -> str | None:
        """A text that differs after whatever would change a listing or a batch; None = unknown.

        ``databases``: those to ask, as ``databases()`` returned them; by default it is asked.
        """
        if not self.dialect.has("probe"):
            return None
        names = self.databases() if databases is None else databases
        return combined(dict(zip(names, self._each(self._probe, names), strict=True)))

    def probes(
        self, databases: Sequence[str] | None = None, *, last: Mapping[str, ProbeReading] = NONE_YET
    ) -> dict[str, ProbeReading] | None:
        """The probe of every database, in their order; None = unknown.

        ``last``: what an earlier call returned. A database to whose catalogs nothing was written
        since is not asked for its probe again.
        """
        if not self.dialect.has("probe"):
            return None
        names = self.databases() if databases is None else databases
        found = self._each(lambda name: self._probed(name, last.get(name)), names)
        return dict(zip(names, found, strict=True))

    def _probed(self, database: str, last: ProbeReading | None) -> ProbeReading:
        writes = None
        if self.dialect.has("writes"):
            # In a transaction of its own, which ends before the probe's begins: what is written
            # between the two must not be counted without being in the probe.
            with self._session("the probe", database) as session:
                writes = session.rows("writes")[0]["writes"]
        if last and writes is not None and last.writes == writes:
            return last
        return replace(self._probe(database), writes=writes)

    def _probe(self, database: str) -> ProbeReading:
        with self._session("the probe", database) as session:
            by_schema = ":schemas" in self.dialect.sql("probe")
            binds = {"schemas": self._schemas(session)[1]} if by_schema else {}
            return ProbeReading(str(session.rows("probe", **binds)[0]["probe"]), None)

    def _schemas(self, session: Session) -> tuple[list[str], object]:
        """The schemas there that the scope admits, and the same as the driver takes them."""
        names = [str(row["schema"]) for row in session.rows("schemas")]
        admitted = [name for name in names if self._scope.admits_schema(session.database, name)]
        return admitted, self.dialect.bind_schemas(admitted)

    def listing(
        self, entity_name: str, schema: Schema, databases: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """All rows of an entity in every admitted database and schema: whole, or it raises.

        ``databases`` are those that ``databases()`` returned when the extraction began, so that
        all its listings are of the same; by default it is asked.

        Raises:
            SourceUnavailable: one of ``databases`` cannot be listed any more.
        """
        if entity_name == "databases":
            with self._session("databases") as session:
                listed = session.frame("databases", schema)
            admitted = map(self._scope.admits_database, listed["database"])
            listed = listed.filter(pl.Series(admitted, dtype=pl.Boolean))
            kept = self._still_listed(listed["database"].to_list(), databases)
            return listed.filter(pl.col("database").is_in(kept))
        kept = self._still_listed(self.databases(), databases)
        parts = self._each(lambda database: self._list(entity_name, schema, database), kept)
        return pl.concat([pl.DataFrame(schema=schema), *parts])

    def _each(self, ask: Callable[[str], T], databases: Sequence[str]) -> list[T]:
        """What ``ask`` returns for every database, several at a time, in their order."""
        if len(databases) == 1:
            return [ask(databases[0])]
        # After an error, those that have not begun do not begin.
        with ThreadPoolExecutor(self._max_sessions) as pool:
            return list(pool.map(ask, databases))

    def _still_listed(self, found: Sequence[str], expected: Sequence[str] | None) -> Sequence[str]:
        """``expected``, if all are among ``found``; ``found``, if nothing is expected.

        A database that closes between two listings must not look as if it were emptied.
        """
        if expected is None:
            return found
        if missing := [name for name in expected if name not in found]:
            raise SourceUnavailable(
                f"{self.name}: {', '.join(map(repr, missing))} could be listed when this "
                "extraction began and is now gone or takes no connections, so that no listing "
                "would be whole. Refresh again."
            )
        return expected

    def _list(self, entity_name: str, schema: Schema, database: str) -> pl.DataFrame:
        """One database's share; its schemas are read in the same session, so at the same time."""
        with self._session(entity_name, database) as session:
            admitted, bound = self._schemas(session)
            listed = session.frame(
                entity_name,
                schema,
                schemas=bound,
                list_partitions=self._scope.partitions == "list",
            )
            session.still_granted()
        return listed.filter(pl.col("schema").is_in(admitted))

    def try_statement(self, file: str, database: str) -> None:
        """Run what lists or reads an entity in ``database``, asking for nothing.

        Raises:
            ResourceError: what a refresh would fail with there: a privilege that is missing, say.
        """
        binds = {
            "schemas": self.dialect.bind_schemas([]),
            "list_partitions": False,
            **self.dialect.bind_tables(NO_TABLES),
        }
        with self._session(f"a trial of {file}", database) as session:
            session.rows(file, **binds)

    def columns(
        self, database: str, tables: pl.DataFrame, schema: Schema
    ) -> Iterator[pl.DataFrame]:
        """The columns of ``tables`` (schema, table, native_id) in frames, in any order."""
        with self._session("columns", database) as session:
            yield from session.frames("columns", schema, **self.dialect.bind_tables(tables))
            session.still_granted()
