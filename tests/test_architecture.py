"""Which room may import which; the rooms are in the README."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("incremental_assets", "resources")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The full names of every module that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def room(path: Path) -> str:
    """The file's path below the root."""
    return path.relative_to(ROOT).as_posix()


def forbidden(path: Path) -> tuple[str, ...]:
    """What a file may not import, by the room it is in."""
    name = room(path)
    if name.startswith("incremental_assets/core/"):
        outside = ("dagster", "sqlalchemy", "boto3", "pyarrow", "psycopg", "resources", "os")
        return (*outside, "pathlib", "time", "tempfile", "subprocess")
    if name.startswith("resources/"):
        dagster = () if name.endswith("/resource.py") else ("dagster",)
        return ("incremental_assets", *dagster)
    if name.startswith("incremental_assets/assets/"):
        return ("sqlalchemy", "boto3", "psycopg", "incremental_assets.cli")
    if name.startswith(("incremental_assets/cli/", "incremental_assets/__main__")):
        return ("sqlalchemy", "boto3")
    return ("sqlalchemy", "boto3", "psycopg", "incremental_assets.cli")


@pytest.mark.parametrize("path", MODULES, ids=room)
def test_a_room_imports_only_what_it_may(path: Path) -> None:
    names = imported(path)
    wrong = [
        name
        for name in names
        for root in forbidden(path)
        if name == root or name.startswith(f"{root}.")
    ]

    assert wrong == []


@pytest.mark.parametrize("path", [p for p in MODULES if "core" in p.parts], ids=room)
def test_the_core_touches_no_clock_and_no_file(path: Path) -> None:
    attributes = {
        node.attr
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
    }

    assert not attributes & {"now", "utcnow", "today", "environ", "read_text", "write_text"}


@pytest.mark.parametrize("path", MODULES, ids=room)
def test_a_module_says_what_belongs_in_it(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_modules_and_functions_are_small() -> None:
    long_modules = [room(path) for path in MODULES if path.read_text().count("\n") > 300]
    long_functions = [
        f"{room(path)}:{node.name}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
        and (node.end_lineno or 0) - node.body[0].lineno + 1 > 40
        and not any(isinstance(inner, ast.FunctionDef) for inner in ast.walk(node) if inner != node)
    ]

    assert long_modules == []
    assert long_functions == []


def test_asset_bodies_are_thin() -> None:
    bodies = [
        (f"{room(path)}:{node.name}", (node.end_lineno or 0) - node.body[0].lineno + 1)
        for path in MODULES
        if room(path).startswith("incremental_assets/assets/")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
        and any(argument.arg == "states" for argument in node.args.args)
    ]

    assert len(bodies) >= 8
    assert [body for body in bodies if body[1] > 25] == []
