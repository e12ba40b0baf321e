"""Which Dagster instance is used, and how it is opened.

The command line, ``ui`` and ``dagster dev`` from the project's directory all end at the same one.
Runs, and what becomes of killed ones, are in ``runs.py``.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import resources as package_files
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.instance import InstanceRef
from dagster._core.storage.sql import create_engine
from dagster._core.storage.sqlite import create_db_conn_string

from incremental_assets.config.errors import ConfigError
from incremental_assets.instance.event_log import keep_connections

# What the ``dagster.yaml`` of a project says. The one written into a home has the first only.
PROJECT_MARKS = (b"incremental/connection", b"base_dir: .dagster_home")


@dataclass(frozen=True)
class Home:
    """``directory`` holds the instance's storage; ``project`` is the directory whose
    ``dagster.yaml`` configures it, or None where the settings are in ``directory`` itself."""

    directory: Path
    project: Path | None

    @property
    def demo(self) -> Path:
        """Where the demo's server and its states live."""
        return self.directory / "demo"


def locate_home(environ: Mapping[str, str], cwd: Path) -> Home:
    """``$DAGSTER_HOME``, else the nearest directory upwards with the project's ``dagster.yaml``,
    else ``./.dagster_home``."""
    configured = environ.get("DAGSTER_HOME")
    if configured:
        return Home(Path(configured).expanduser().resolve(), None)
    for directory in (cwd, *cwd.parents):
        if _is_project(directory):
            return Home(directory / ".dagster_home", directory)
    return Home(cwd / ".dagster_home", None)


def _is_project(directory: Path) -> bool:
    """Whether the settings here keep the storage in a path that is relative to them."""
    try:
        settings = (directory / "dagster.yaml").read_bytes()
    except OSError:
        return False
    return all(mark in settings for mark in PROJECT_MARKS)


# Capturing a step's output costs four processes a step; steps of ours print nothing, and what the
# command line itself prints does not belong to a run.
NO_CAPTURE: dict[str, Any] = {
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
}


def open_instance(home: Home) -> dg.DagsterInstance:
    """Open the instance for this process; a ``dagster.yaml`` that is there is never changed.

    Raises:
        ConfigError: the home cannot be used.
    """
    prepare_home(home)
    settings = home.project or home.directory
    overrides = NO_CAPTURE | (_storage_of_project(home) if home.project else {})
    with home_errors(home):
        found = InstanceRef.from_dir(
            str(home.directory), config_dir=str(settings), overrides=overrides
        )
        _refuse_another_path(found, home)
        instance = dg.DagsterInstance.from_ref(found)
    keep_connections(instance)
    return instance


def _refuse_another_path(found: InstanceRef, home: Home) -> None:
    """Dagster writes the path of its SQLite files into a URL without quoting it: a path with % or ?
    in it may come out as another one."""
    storage = found.storage_data
    if storage is None or storage.class_name != "DagsterSqliteStorage":
        return
    directory = storage.config_dict["base_dir"]
    address = create_db_conn_string(directory, "runs")
    if create_engine(address).url.database != address.removeprefix("sqlite:///"):
        raise ConfigError(
            f"{home.directory} cannot be used as Dagster's home: Dagster would keep its storage "
            f"in another directory than {directory}, because it takes % and ? in a path for "
            "something else. Set DAGSTER_HOME to a directory without them (for a demo, --keep)."
        )


def _storage_of_project(home: Home) -> dict[str, Any]:
    """The project's ``dagster.yaml`` has paths that are relative to its directory."""
    return {
        "storage": {"sqlite": {"base_dir": str(home.directory / "storage")}},
        "local_artifact_storage": {
            "module": "dagster._core.storage.root",
            "class": "LocalArtifactStorage",
            "config": {"base_dir": str(home.directory)},
        },
    }


def prepare_home(home: Home) -> None:
    """Create the directory and, where no settings apply yet, write ours into it.

    Raises:
        ConfigError: the home cannot be used.
    """
    with home_errors(home):
        home.directory.mkdir(parents=True, exist_ok=True)
        settings = home.directory / "dagster.yaml"
        if home.project is None and not settings.exists():
            packaged = package_files.files("incremental_assets.instance") / "instance.yaml"
            # Never through a link that leads nowhere yet; another process may be as far as this.
            with suppress(FileExistsError), settings.open("x", encoding="utf-8") as file:
                file.write(packaged.read_text())


@contextmanager
def home_errors(home: Home) -> Iterator[None]:
    """Turn what the file system or SQLite refuses into a ConfigError that names the home."""
    try:
        yield
    except Exception as error:
        reason = _refused(error)
        if reason is None:
            raise
        raise ConfigError(
            f"{home.directory} cannot be used as Dagster's home: {reason}. "
            "Set DAGSTER_HOME to a directory that can be written (for a demo, --keep)."
        ) from error


def _refused(error: Exception) -> str | None:
    """The reason, if it is the file system's or SQLite's."""
    if isinstance(error, FileExistsError):
        return "Not a directory"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    # SQLAlchemy raises an error of its own and names the driver's as its cause.
    for one in (error, error.__cause__):
        if isinstance(one, sqlite3.Error):
            return str(one)
    return None
