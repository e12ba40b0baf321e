"""Which room may import which: one order, and what of the world a room may touch."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# A module may import only from the lines below its own, and from its own entry. The package itself
# hands out the names that users import, each looked up when it is asked for.
ORDER = (
    ("incremental_assets.__main__",),
    ("incremental_assets.cli", "incremental_assets.component", "incremental_assets.definitions"),
    ("incremental_assets.build",),
    ("incremental_assets.wiring",),
    ("incremental_assets.automation",),
    ("incremental_assets.assets",),
    ("incremental_assets.lineage",),
    ("incremental_assets.steps",),
    ("incremental_assets.instance",),
    ("incremental_assets.config",),
    ("incremental_assets.naming",),
    ("incremental_assets.core", "incremental_resources"),
)
SOURCE_ROOTS = {"incremental_assets": ROOT, "incremental_resources": ROOT / "resources"}


def module_name(path: Path, source_root: Path) -> str:
    """The name under which a file is imported."""
    parts = path.relative_to(source_root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULE_NAMES = {
    module_name(path, source_root): path
    for package, source_root in SOURCE_ROOTS.items()
    for path in sorted((source_root / package).rglob("*.py"))
}
MODULES = list(MODULE_NAMES.values())
SIGNPOSTS = {name for name, path in MODULE_NAMES.items() if path.name == "__init__.py"}


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


def floor(module: str) -> int:
    """How high a module is: it may import what is on its own floor, in its own room, or lower."""
    (level,) = (
        level
        for level, rooms in enumerate(reversed(ORDER))
        if any(module == name or module.startswith(f"{name}.") for name in rooms)
    )
    return level


def room_of(module: str) -> str:
    """The entry of ``ORDER`` that a module belongs to."""
    return next(
        name for rooms in ORDER for name in rooms if module == name or module.startswith(f"{name}.")
    )


def ours(names: set[str]) -> set[str]:
    """The modules of ours among imported names; a name in a module counts as that module."""
    return {
        name if name in MODULE_NAMES else name.rpartition(".")[0]
        for name in names
        if name in MODULE_NAMES or name.rpartition(".")[0] in MODULE_NAMES
    } - SIGNPOSTS


def outside(module: str) -> tuple[str, ...]:
    """What of the world beyond this project a module may not import, by its room."""
    drivers = ("sqlalchemy", "boto3", "psycopg", "pymysql", "duckdb", "chdb")
    if module.startswith("incremental_assets.core."):
        clocks_and_files = ("os", "pathlib", "time", "tempfile", "subprocess")
        return ("dagster", "pyarrow", *drivers, *clocks_and_files)
    if module.startswith("incremental_resources"):
        return () if module.endswith(".resource") else ("dagster",)
    return drivers


@pytest.mark.parametrize("module", [name for name in MODULE_NAMES if name != "incremental_assets"])
def test_imports_run_one_way(module: str) -> None:
    wrong = [
        name
        for name in ours(imported(MODULE_NAMES[module]))
        if room_of(name) != room_of(module) and floor(name) >= floor(module)
    ]

    assert wrong == []


@pytest.mark.parametrize("module", MODULE_NAMES)
def test_a_room_touches_only_what_it_may(module: str) -> None:
    wrong = [
        name
        for name in imported(MODULE_NAMES[module])
        for root in outside(module)
        if name == root or name.startswith(f"{root}.")
    ]

    assert wrong == []


@pytest.mark.parametrize("name", sorted(SIGNPOSTS - {"incremental_assets"}))
def test_a_room_has_a_signpost_and_nothing_else_in_it(name: str) -> None:
    tree = ast.parse(MODULE_NAMES[name].read_text())

    assert ast.get_docstring(tree)
    assert len(tree.body) == 1


def test_unit_tests_have_the_rooms_of_the_product() -> None:
    tested = {path.name for path in (ROOT / "tests" / "unit").iterdir() if path.is_dir()}
    rooms = {path.name for path in (ROOT / "incremental_assets").iterdir() if path.is_dir()}

    assert tested - {"__pycache__", "resources", "benchmarks"} <= rooms


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
