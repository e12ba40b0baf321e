"""One connection seen from all sides: its database, its state, its assets in the webserver."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import psycopg

from incremental_assets.core.plan import batch_key
from incremental_assets.naming import EXTRACTION_TAG, LOCATION, batches_group
from incremental_resources.state_store.head import Head
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.store import StateStore
from tests.waiting import Sign, end_of
from tests.webserver import queries
from tests.webserver.faulty import BLOCKED
from tests.webserver.server import ASSET_JOB, FINISHED, Run, Webserver

TABLES = tuple(f"item_{number:02}" for number in range(8))
TABLES_OF_A_BATCH = 2
BATCHES = len(TABLES) // TABLES_OF_A_BATCH
ASSETS = (
    *("extraction", "databases", "schemas", "tables", "procedures", "column_plan"),
    *("columns", "incremental_diff", "current_state", "marker"),
)

Shops = Callable[[str], "Shop"]


@dataclass(frozen=True)
class Shop:
    """A connection ``name`` of the webserver's configuration."""

    name: str
    url: str
    server: Webserver

    def ddl(self, *statements: str) -> None:
        """Run statements in the database, each committed by itself."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def change_every_table(self) -> None:
        """Give every table one column more, so that all batches are read again."""
        self.ddl(*(f"alter table {table} add column more integer" for table in TABLES))

    def break_tables(self, *tables: str) -> None:
        """From now on exactly these tables' columns cannot be read."""
        named = ", ".join(f"('{table}')" for table in tables)
        insert = [f"insert into control.fault values {named}"] if tables else []
        self.ddl("delete from control.fault", *insert)

    @contextmanager
    def columns_blocked(self) -> Iterator[None]:
        """Whoever reads columns waits while this lasts."""
        with psycopg.connect(self.url) as connection:
            connection.execute("select pg_advisory_lock(%s)", [BLOCKED])
            yield

    @cached_property
    def store(self) -> StateStore:
        """The connection's state."""
        return StateStore(LocalObjects(self.server.directory / "catalog"), self.name)

    @property
    def head(self) -> Head:
        """HEAD, which exists."""
        found = self.store.head()
        assert found is not None, "no HEAD"
        return found.head

    def version(self) -> int:
        """The number of the version HEAD stands at."""
        return self.store.version(self.head.ref).number

    def keys(self, run: Run | None = None) -> set[str]:
        """The keys of all batches of a run's extraction; without a run, of the one at HEAD."""
        extraction = run.tags[EXTRACTION_TAG] if run else self.head.extraction
        return {batch_key(extraction, number) for number in range(BATCHES)}

    def listed_keys(self) -> list[str]:
        """The partition keys of ``column_batches`` that the webserver offers."""
        return list(self.seen()["column_batches"]["partitionKeys"])

    def assets(self, *names: str) -> list[tuple[str, str]]:
        """Asset keys."""
        return [(self.name, name) for name in names]

    def refresh(self, **config: Any) -> Run:
        """One click on the job's button, and the run's end; ``config`` is for ``extraction``."""
        return self.server.finish(self.launch(**config))

    def launch(self, **config: Any) -> str:
        """One click on the job's button; the run's id."""
        asked = {"ops": {f"{self.name}__extraction": {"config": config}}} if config else {}
        return self.server.launch(f"{self.name}_refresh", self.assets(*ASSETS), config=asked)

    def materialize(self, *names: str, partition: str | None = None) -> Run:
        """Materialize some assets from their page, and the run's end."""
        tags = {"dagster/partition": partition} if partition else {}
        return self.server.finish(self.server.launch(ASSET_JOB, self.assets(*names), tags=tags))

    def seen(self) -> Mapping[str, Mapping[str, Any]]:
        """What the webserver shows of the connection's assets, by name."""
        where = {"repositoryName": "__repository__", "repositoryLocationName": LOCATION}
        return {
            node["assetKey"]["path"][-1]: node
            for group in (self.name, batches_group(self.name))
            for node in self.server.ask(queries.ASSETS, group={"groupName": group, **where})
        }

    def batches(self, status: str = "materialized") -> set[str]:
        """The partitions of ``column_batches`` that the webserver shows in that colour."""
        shown = self.seen()["column_batches"]["assetPartitionStatuses"]
        return set(shown[f"{status}Partitions"])

    def is_fresh(self, asset: str) -> bool:
        """Whether the daemon has found the asset to keep its freshness policy."""
        return bool(self.seen()[asset]["freshnessStatusInfo"]["freshnessStatus"] == "HEALTHY")

    def row_count(self, asset: str) -> int:
        """What the latest materialization of an asset says of its rows."""
        (latest,) = self.seen()[asset]["assetMaterializations"]
        facts = {entry["label"]: entry.get("intValue") for entry in latest["metadataEntries"]}
        return int(facts["dagster/row_count"])

    def check(self, asset: str, name: str) -> Mapping[str, Any]:
        """What the webserver shows of an asset check."""
        checks = self.seen()[asset]["assetChecksOrError"]["checks"]
        (found,) = (check for check in checks if check["name"] == name)
        shown: Mapping[str, Any] = found["executionForLatestMaterialization"]
        return shown

    def kill_a_refresh(self) -> None:
        """Kill a ``refresh`` of the command line while it reads columns."""
        earlier = set(self.run_ids())
        with (
            self.columns_blocked(),
            self.server.start("refresh", self.name, faulty=True) as process,
        ):
            try:
                self.server.wait_until(
                    lambda: any(map(self.is_reading, {*self.run_ids()} - earlier)),
                    lambda: end_of({"refresh": process}),
                )
            finally:
                process.kill()

    def runs(self) -> list[Run]:
        """The runs of its job, newest first."""
        return [self.server.run(run_id) for run_id in self.run_ids()]

    def run_ids(self) -> list[str]:
        """The same, only who they are."""
        return self.server.run_ids(f"{self.name}_refresh")

    def wait_until_reading(self, run_id: str) -> None:
        """The run gets to its step ``columns``."""
        self.server.wait_until(lambda: self.is_reading(run_id), self._end_of_run(run_id))

    def _end_of_run(self, run_id: str) -> Sign:
        server = self.server
        return lambda: server.run(run_id).log if server.status(run_id) in FINISHED else None

    def is_reading(self, run_id: str) -> bool:
        """Whether a run is in its step ``columns``."""
        return self.server.steps(run_id).get(f"{self.name}__columns") == "IN_PROGRESS"
