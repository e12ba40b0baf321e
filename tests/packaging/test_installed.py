"""Installed, the project brings two names and all its files, and minds no name of its user's.

Of these, `resources` and `tests` are the names of folders of the checkout, `config` and `core` of
rooms of the project.
"""

import csv
import json
import re
import tomllib
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from tests.packaging import users
from tests.packaging.environment import HOOKS, ROOT, Environment, built, fresh, install
from tests.packaging.users import DEFINITIONS, KINDS
from tests.waiting import LIMIT_SECONDS, end_of, wait_until
from tests.webserver.server import free_port, process

pytestmark = pytest.mark.integration

PACKAGES = {
    "incremental_assets": ROOT / "incremental_assets",
    "incremental_resources": ROOT / "resources" / "incremental_resources",
}
# What an editable install has instead of the packages; Python's own convention for its name.
HOOK = {"_editable_impl_incremental_assets.pth", "_editable_impl_incremental_assets.py"}
FOLDERS = ("resources", "tests")
# Only where an address is asked for: nothing connects to it.
ADDRESS = {"SHOP_URL": "postgresql://reader@127.0.0.1:1/shop"}
WHERE = "import {0}; print({0}.__file__)"
FIND = "import importlib.util, sys; print(importlib.util.find_spec(sys.argv[1]))"
LOCATIONS = """{ workspaceOrError { ... on Workspace { entries: locationEntries {
    name
    loadStatus
    locationOrLoadError {
        ... on PythonError { message }
        ... on RepositoryLocation { repositories { assetGroups { groupName } } }
    }
} } } }"""


@pytest.fixture(scope="module", params=HOOKS)
def how(request: pytest.FixtureRequest) -> str:
    """How it is installed."""
    return str(request.param)


@pytest.fixture(scope="module")
def wheel(how: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(how, tmp_path_factory.mktemp(f"{how}_built"))


@pytest.fixture(scope="module")
def environment(how: str, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = fresh(tmp_path_factory.mktemp(f"{how}_environment") / "venv")
    install(environment, wheel)
    return environment


@pytest.fixture(scope="module")
def folders(how: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A user's folder of each kind."""
    place = tmp_path_factory.mktemp(f"{how}_users")
    return {kind: users.write(place / kind, kind) for kind in KINDS}


def files(package: str) -> set[str]:
    """What the checkout has of a package, as paths in a wheel."""
    root = PACKAGES[package]
    found = (at for at in root.rglob("*") if at.is_file() and "__pycache__" not in at.parts)
    return {f"{package}/{at.relative_to(root).as_posix()}" for at in found}


# What is brought


def test_without_an_installation_there_is_nothing(tmp_path: Path) -> None:
    """Otherwise all that follows would say nothing."""
    bare = fresh(tmp_path / "venv")
    for name in PACKAGES:
        assert bare.run([str(bare.python), "-c", FIND, name], tmp_path).stdout == "None\n"


def test_it_brings_two_names_and_all_their_files(how: str, wheel: Path) -> None:
    ours = {name: files(name) for name in PACKAGES}
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (record,) = (name for name in names if name.endswith("/RECORD"))
        recorded = {row[0] for row in csv.reader(archive.read(record).decode().splitlines())}
    brought = {name for name in names if not name.partition("/")[0].endswith(".dist-info")}

    assert recorded == names
    assert brought == (set().union(*ours.values()) if how == "wheel" else HOOK)
    for package, kind in (("incremental_assets", "yaml"), ("incremental_resources", "sql")):
        assert any(name.endswith(f".{kind}") for name in ours[package])


def test_it_needs_what_pyproject_names_and_nothing_else(wheel: Path) -> None:
    """uv reads the dependencies there; those that hatchling adds to an editable install it does
    not see.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        needed = re.findall(r"^Requires-Dist: (.*)$", archive.read(metadata).decode(), re.M)

    assert {name_of(one) for one in needed if "extra ==" not in one} == {
        name_of(one) for one in project["dependencies"]
    }


def name_of(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement)[0].lower()


def test_of_the_checkout_nothing_else_is_to_be_found(
    how: str, environment: Environment, tmp_path: Path
) -> None:
    python = str(environment.python)
    for name, checkout in PACKAGES.items():
        told = environment.run([python, "-c", WHERE.format(name)], tmp_path).stdout
        at = environment.site / name if how == "wheel" else checkout
        assert told == f"{at / '__init__.py'}\n"
    for name in FOLDERS:
        found = environment.run([python, "-c", FIND, name], tmp_path).stdout
        assert str(ROOT) not in found
        assert str(environment.site / name) not in found


# What stands in nobody's way


def test_a_refresh_works(
    environment: Environment, folders: dict[str, Path], tmp_path: Path
) -> None:
    home = {"DAGSTER_HOME": str(tmp_path)}
    refresh = [*environment.module("incremental_assets"), "refresh", "--json"]
    told = environment.run(refresh, folders["package"], **home).stdout
    (shop,) = json.loads(told)["connections"]
    assert (shop["ok"], shop["counts"]["tables"]) == (True, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_status_is_told(
    environment: Environment, folders: dict[str, Path], kind: str, tmp_path: Path
) -> None:
    status = [*environment.module("incremental_assets"), "status", "--json"]
    told = environment.run(status, folders[kind], DAGSTER_HOME=str(tmp_path)).stdout
    (shop,) = json.loads(told)["connections"]
    assert shop["name"] == "shop"


def but_for(kind: str) -> list[ParameterSet]:
    """All kinds of folders, of which only this one is no campaign."""
    marks = {one: [] if one == kind else [pytest.mark.campaign] for one in KINDS}
    return [pytest.param(one, marks=marks[one]) for one in KINDS]


def test_definitions_over_other_modules_would_not_load(
    environment: Environment, folders: dict[str, Path], tmp_path: Path
) -> None:
    """The definitions look at them themselves, so that loading them proves something."""
    (tmp_path / "resources.py").write_text("MARK = 'of somebody else'")
    code = (folders["module"] / DEFINITIONS).read_text()
    with pytest.raises(
        AssertionError, match=f"AssertionError: <module 'resources' from '{tmp_path}"
    ):
        environment.run([str(environment.python), "-c", code], tmp_path)


@pytest.mark.parametrize("kind", but_for("package"))
def test_definitions_validate(
    environment: Environment, folders: dict[str, Path], kind: str, tmp_path: Path
) -> None:
    validate = [*environment.script("dagster"), "definitions", "validate", "-f", DEFINITIONS]
    told = environment.run(validate, folders[kind], DAGSTER_HOME=str(tmp_path), **ADDRESS)
    assert "All code locations passed validation" in told.stdout + told.stderr


@contextmanager
def serving(
    environment: Environment, command: Sequence[str], folder: Path, **variables: str
) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """A server's command, run in ``folder``; the code locations, once it has loaded them."""
    port = free_port()
    log = folder / "printed.txt"
    log.write_text("")

    def locations() -> list[dict[str, Any]]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/graphql",
            json.dumps({"query": LOCATIONS}).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=LIMIT_SECONDS) as response:
                entries = json.load(response)["data"]["workspaceOrError"]["entries"]
        except urllib.error.URLError:
            return []
        return entries if all(one["loadStatus"] == "LOADED" for one in entries) else []

    served = [*command, "--port", str(port)]
    with process(served, folder, environment.variables(**variables), log) as server:
        wait_until(locations, lambda: end_of({" ".join(served): server}))
        yield locations


def groups(location: dict[str, Any]) -> set[str]:
    """The asset groups of a code location that could be loaded."""
    found = location["locationOrLoadError"]
    assert "repositories" in found, found["message"]
    return {one["groupName"] for held in found["repositories"] for one in held["assetGroups"]}


def test_dagster_dev_shows_the_definitions(
    environment: Environment, folders: dict[str, Path], tmp_path: Path
) -> None:
    """Started in one of the folders, with the definitions of all of them."""
    entries = [
        {
            "python_file": {
                "relative_path": str(folder / DEFINITIONS),
                "working_directory": str(folder),
                "location_name": kind,
            }
        }
        for kind, folder in folders.items()
    ]
    workspace = tmp_path / "workspace.yaml"
    workspace.write_text(json.dumps({"load_from": entries}))
    command = [*environment.script("dagster"), "dev", "-w", str(workspace)]
    home = {"DAGSTER_HOME": str(tmp_path)}

    with serving(environment, command, folders["module"], **ADDRESS, **home) as locations:
        loaded = {one["name"]: groups(one) for one in locations()}

    assert loaded == {kind: {"shop", "shop_batches"} for kind in KINDS}


@pytest.mark.parametrize("kind", but_for("module"))
def test_the_ui_shows_the_connections(
    environment: Environment, folders: dict[str, Path], kind: str, tmp_path: Path
) -> None:
    command = [*environment.script("incremental-assets"), "ui"]
    home = {"DAGSTER_HOME": str(tmp_path)}
    with serving(environment, command, folders[kind], **home) as locations:
        (location,) = locations()
        assert groups(location) == {"shop", "shop_batches"}
