"""A project of Dagster's own layout with our component in it, as ``dg`` sees it."""

import os
import subprocess
import sys
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


def dg(project: Path, *arguments: str) -> tuple[int, str]:
    ours = {"DAGSTER_DISABLE_TELEMETRY": "1", "PYTHONPATH": str(project), "COLUMNS": "200"}
    ended = subprocess.run(
        [str(Path(sys.executable).with_name("dg")), *arguments],
        cwd=project,
        env=os.environ | ours,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout


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
