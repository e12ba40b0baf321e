"""Fresh environments in which nothing is installed but this project, as a wheel or editable.

What it depends on is found where the tests run, by a path; nothing is fetched. What is installed
there in editable mode is not found so, as its hooks only work where they are installed.
"""

import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from incremental_assets.config.loading import ENVIRONMENT_VARIABLE

ROOT = Path(__file__).parents[2]
# What pip calls for `pip install .` and `pip install -e .`.
HOOKS = {"wheel": "build_wheel", "editable": "build_editable"}
# Read before all others of its folder, as the editable install's hook needs one of them.
DEPENDENCIES = "0_dependencies.pth"
OF_THE_TESTS = ("PYTHONPATH", "DAGSTER_HOME", ENVIRONMENT_VARIABLE)
# Of Dagster's, at every `dagster dev`: it would have people use `dg`.
FOREIGN = {"PYTHONWARNINGS": "ignore:Function `dev_command`"}


@dataclass(frozen=True)
class Environment:
    """A virtual environment."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def site(self) -> Path:
        """Where packages are installed in it."""
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found

    def script(self, name: str) -> list[str]:
        """A console script run by its interpreter, its own one or a dependency's."""
        own = self.folder / "bin" / name
        return [str(self.python), str(own if own.exists() else Path(sys.executable).parent / name)]

    def module(self, name: str) -> list[str]:
        """``python -m``."""
        return [str(self.python), "-m", name]

    def variables(self, **more: str) -> dict[str, str]:
        """Those of a person who has set nothing, and ``more``."""
        given = {name: value for name, value in os.environ.items() if name not in OF_THE_TESTS}
        return given | FOREIGN | more

    def run(
        self, command: Sequence[str], folder: Path, **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command in ``folder`` to its end, which must be a good one."""
        ended = subprocess.run(
            command,
            cwd=folder,
            env=self.variables(**variables),
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended


def built(how: str, folder: Path) -> Path:
    """The wheel that pip would make of this checkout to install it so."""
    code = f"import hatchling.build, sys; hatchling.build.{HOOKS[how]}(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, folder], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def fresh(folder: Path) -> Environment:
    """An environment without this project, and with all that it depends on."""
    venv.create(folder, symlinks=True)
    environment = Environment(folder)
    places = [at for at in sys.path if Path(at).name in ("site-packages", "dist-packages")]
    (environment.site / DEPENDENCIES).write_text("\n".join(places))
    return environment


def install(environment: Environment, wheel: Path) -> None:
    """Install a wheel, whatever is found in the places of the dependencies."""
    into = ["--python", str(environment.python), "install", "--ignore-installed"]
    offline = ["--no-index", "--no-deps", "--quiet"]
    subprocess.run(
        [sys.executable, "-m", "pip", *into, *offline, wheel], check=True, capture_output=True
    )
