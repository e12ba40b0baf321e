"""What is measured: the commands, the environment each gets, and what a refresh left behind.

Running them and reporting on them is done elsewhere.
"""

import json
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from sqlalchemy import make_url

from tests.benchmarks.server import psql

CONNECTION = "bench"
COMMAND = [sys.executable, "-m", "incremental_assets"]
# The connection's URL comes from the environment, so that a password is in no file and no command.
CONFIG = """\
state: ./catalog
connections:
  - name: {connection}
    url: ${{BENCHMARK_URL}}
"""


@dataclass(frozen=True)
class Contender:
    """A command and the environment variables it needs beside the caller's."""

    command: list[str]
    variables: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment."""
        return os.environ | self.variables


def floor(url: str) -> Contender:
    """One query for all columns, streamed by psql."""
    address = make_url(url)
    command = [psql(), "-X", "-q", "-v", "ON_ERROR_STOP=1"]
    command += ["-d", address.set(password=None).render_as_string()]
    command += ["-f", str(Path(__file__).with_name("floor.sql"))]
    password = str(address.password or "")
    return Contender(command, {"PGPASSWORD": password} if password else {})


def inspector(url: str) -> Contender:
    """SQLAlchemy's Inspector."""
    return Contender([sys.executable, "-m", "tests.benchmarks.inspector"], {"BENCHMARK_URL": url})


def plain(way: str, url: str) -> Contender:
    """A plain read of the catalogue of any product: ``floor`` or ``inspector``."""
    return Contender([sys.executable, "-m", "tests.benchmarks.plain", way], {"BENCHMARK_URL": url})


def bare_import() -> Contender:
    """Python and Dagster, doing nothing."""
    return Contender([sys.executable, "-c", "import dagster"], {})


def usage(command: list[str]) -> Contender:
    """Our command, doing nothing."""
    return Contender([*command, "refresh", "--help"], {})


@dataclass(frozen=True)
class Project:
    """A connection of its own: configuration, state and Dagster instance in one directory."""

    directory: Path
    url: str
    command: list[str]

    def refresh(self) -> Contender:
        """The whole command that brings the state up to date."""
        config = str(self.directory / "connections.yaml")
        return Contender(
            [*self.command, "--config", config, "refresh", CONNECTION],
            {
                "BENCHMARK_URL": self.url,
                "DAGSTER_HOME": str(self.directory / "home"),
                "DAGSTER_DISABLE_TELEMETRY": "yes",
            },
        )

    def state(self) -> "State":
        """What the last refresh committed."""
        root = self.directory / "catalog" / CONNECTION
        head = json.loads((root / "HEAD").read_text("utf-8"))
        manifest = root / head["manifest"]
        content = json.loads(manifest.read_text("utf-8"))
        size = sum(entry["bytes"] for entry in content["files"])
        return State(head["version"], content["counts"], size, manifest.parent / "diff")


@dataclass(frozen=True)
class State:
    """One committed version, as far as a benchmark looks at it."""

    version: int
    counts: dict[str, int]
    size: int
    diff: Path

    def changed_tables(self) -> int:
        """Tables that the version's diff names, be it for themselves or for a column."""
        names = ["database", "schema", "table"]
        frames = [
            pl.read_parquet(self.diff / f"{entity}.parquet", columns=names)
            for entity in ("tables", "columns")
        ]
        return pl.concat(frames).n_unique()


@contextmanager
def project(url: str, command: str | None) -> Iterator[Project]:
    """A project in a temporary directory; ``command`` replaces our own."""
    with tempfile.TemporaryDirectory(prefix="incremental-benchmark-") as directory:
        path = Path(directory)
        (path / "connections.yaml").write_text(CONFIG.format(connection=CONNECTION), "utf-8")
        (path / "home").mkdir()
        yield Project(path, url, our_command(command))


def our_command(command: str | None) -> list[str]:
    """The command line of the product without its arguments."""
    return shlex.split(command) if command else COMMAND
