"""Which Dagster instance is used, and how it is opened.

The command line, ``ui`` and ``dagster dev`` from the project's directory all end at the same one.
Runs, and what becomes of killed ones, are in ``runs.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources as package_files
from pathlib import Path

import dagster as dg
from dagster._core.instance import InstanceRef

SETTINGS_MARK = "incremental/connection"


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
    """``$DAGSTER_HOME``, else the nearest directory upwards with our ``dagster.yaml``, else
    ``./.dagster_home``."""
    configured = environ.get("DAGSTER_HOME")
    if configured:
        return Home(Path(configured).expanduser().resolve(), None)
    for directory in (cwd, *cwd.parents):
        settings = directory / "dagster.yaml"
        if settings.is_file() and SETTINGS_MARK in settings.read_text():
            return Home(directory / ".dagster_home", directory)
    return Home(cwd / ".dagster_home", None)


def open_instance(home: Home) -> dg.DagsterInstance:
    """Open the instance, creating its directory; a ``dagster.yaml`` there is never changed."""
    prepare_home(home)
    if home.project is None:
        return dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home.directory)))
    overrides = {
        "storage": {"sqlite": {"base_dir": str(home.directory / "storage")}},
        "compute_logs": {
            "module": "dagster._core.storage.local_compute_log_manager",
            "class": "LocalComputeLogManager",
            "config": {"base_dir": str(home.directory / "storage")},
        },
        "local_artifact_storage": {
            "module": "dagster._core.storage.root",
            "class": "LocalArtifactStorage",
            "config": {"base_dir": str(home.directory)},
        },
    }
    reference = InstanceRef.from_dir(
        str(home.directory), config_dir=str(home.project), overrides=overrides
    )
    return dg.DagsterInstance.from_ref(reference)


def prepare_home(home: Home) -> None:
    """Create the directory and, where no settings apply yet, write ours into it."""
    home.directory.mkdir(parents=True, exist_ok=True)
    settings = home.directory / "dagster.yaml"
    if home.project is None and not settings.exists():
        packaged = package_files.files("incremental_assets") / "instance.yaml"
        settings.write_text(packaged.read_text())
