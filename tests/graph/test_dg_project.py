"""A project of Dagster's own layout with our component in it, as ``dg`` sees it."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

PYPROJECT = """
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "warehouse"
"""
DEFINITIONS = """
from pathlib import Path
from dagster import definitions, load_from_defs_folder

@definitions
def defs():
    return load_from_defs_folder(path_within_project=Path(__file__).parent)
"""
CATALOG = """
type: incremental_assets.SqlCatalog
attributes:
  connections:
    - name: shop
      url: sqlite:///shop.db
      {key}: "30 * * * *"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    catalog = tmp_path / "warehouse/defs/catalog"
    catalog.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "warehouse/definitions.py").write_text(DEFINITIONS)
    for package in ("warehouse", "warehouse/defs"):
        (tmp_path / package / "__init__.py").touch()
    (catalog / "defs.yaml").write_text(CATALOG.format(key="schedule"))
    return tmp_path


REFRESH = """
from warehouse.definitions import defs
assert defs().resolve_job_def("{name}_refresh").execute_in_process().success
"""


def run(project: Path, *command: str, **environment: str) -> tuple[int, str]:
    """Exit code and output of a command in the project."""
    ours = {"DAGSTER_DISABLE_TELEMETRY": "1", "PYTHONPATH": str(project), "COLUMNS": "200"}
    ended = subprocess.run(
        command,
        cwd=project,
        env=os.environ | ours | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout


def dg(project: Path, *arguments: str) -> tuple[int, str]:
    return run(project, str(Path(sys.executable).with_name("dg")), *arguments)


def scaffolded(project: Path, name: str, *arguments: str) -> Path:
    """The folder of a component that ``dg scaffold`` made."""
    code, told = dg(project, "scaffold", "defs", "incremental_assets.SqlCatalog", name, *arguments)
    assert code == 0, told
    return project / "warehouse/defs" / name


def refreshes(project: Path, name: str, **environment: str) -> None:
    """The project's own definitions refresh a connection, whose state is in the project."""
    code, told = run(project, sys.executable, "-c", REFRESH.format(name=name), **environment)
    assert code == 0, told
    assert (project / "catalog" / name / "HEAD").is_file()


def test_dg_checks_and_lists_the_definitions(project: Path) -> None:
    code, told = dg(project, "check", "defs")
    assert (code, "All definitions loaded successfully" in told) == (0, True), told
    code, told = dg(project, "list", "defs")
    assert code == 0, told
    for name in ("shop_refresh", "shop_schedule", "shop_change_sensor", "shop/current_state"):
        assert name in told


def test_dg_refuses_an_unknown_key_and_names_its_line(project: Path) -> None:
    (project / "warehouse/defs/catalog/defs.yaml").write_text(CATALOG.format(key="shedule"))
    code, told = dg(project, "check", "defs")
    assert code != 0
    assert "catalog/defs.yaml:7" in told
    assert "'shedule' was unexpected" in told


@pytest.mark.parametrize(("form", "file"), [("yaml", "defs.yaml"), ("python", "component.py")])
def test_what_dg_scaffolds_loads_and_refreshes(project: Path, form: str, file: str) -> None:
    told = ("--url-env", "OFFICE_DATABASE", "--dialect", "sqlite", "--format", form)
    folder = scaffolded(project, "office", *told)
    assert [path.name for path in folder.iterdir() if path.is_file()] == [file]
    code, told_then = dg(project, "check", "defs")
    assert code == 0, told_then
    assert "All component YAML validated" in told_then

    with closing(sqlite3.connect(project / "office.db")) as connection:
        connection.executescript("create table desk (id integer primary key)")
    refreshes(project, "office", OFFICE_DATABASE=f"sqlite:///{project}/office.db")
    code, listed = dg(project, "list", "defs")
    assert "office_tables__office__main" in listed


def test_what_dg_scaffolds_says_which_variable_it_needs(project: Path) -> None:
    folder = scaffolded(project, "my-Shop 2")
    assert "name: my_shop_2\n" in (folder / "defs.yaml").read_text()
    code, told = dg(project, "check", "yaml", "--validate-requirements")
    assert code == 0, told
    code, told = dg(project, "list", "envs")
    assert "MY_SHOP_2_URL" in told


def test_dg_scaffolds_nothing_for_a_product_that_is_unknown(project: Path) -> None:
    arguments = ("incremental_assets.SqlCatalog", "office", "--dialect", "oracel")
    code, told = dg(project, "scaffold", "defs", *arguments)
    assert code != 0
    assert "'oracel' is not a dialect; allowed: " in told
    assert not (project / "warehouse/defs/office").exists()


def test_dg_lists_the_component_with_what_it_is_for(project: Path) -> None:
    code, told = dg(project, "list", "components", "--json")
    assert code == 0, told
    (ours,) = (
        one for one in json.loads(told)["items"] if one["key"] == "incremental_assets.SqlCatalog"
    )
    assert ours["summary"].startswith("Keeps an exact, versioned picture of SQL databases")
