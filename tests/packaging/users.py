"""Folders of users, in which names stand that were in this project's way, or it in theirs."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Ways to have a module `resources` of one's own, and where its MARK stands.
KINDS = {
    "module": ("resources.py", "resources"),
    "package": ("resources/__init__.py", "resources"),
    "namespace": ("resources/marks.py", "resources.marks"),
}
MARK = "the user's own"
OTHERS = {"config.py": "config", "core/__init__.py": "core", "tests/__init__.py": "tests"}
DEFINITIONS = "defs.py"


def marks(kind: str) -> str:
    """Python code that fails unless all modules of these names are the user's own."""
    modules = (KINDS[kind][1], *OTHERS.values())
    checks = (f"import {one}\nassert {one}.MARK == {MARK!r}, {one}\n" for one in modules)
    return "".join(checks)


def documented() -> str:
    """The code location that the documents give as an example."""
    pages = [page.read_text() for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))]
    blocks = [block for page in pages for block in re.findall(r"```python\n(.*?)```", page, re.S)]
    (found,) = (block for block in blocks if "= build_definitions(Config(" in block)
    return str(found)


def write(folder: Path, kind: str) -> Path:
    """A folder with a database, a configuration, definitions, and modules of those names."""
    for file in (KINDS[kind][0], *OTHERS):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(f"MARK = {MARK!r}\n")
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        connection.execute("create table item (id integer primary key)")
    connection = {"name": "shop", "url": f"sqlite:///{folder / 'shop.db'}"}
    (folder / "connections.yaml").write_text(json.dumps({"connections": [connection]}))
    (folder / DEFINITIONS).write_text(marks(kind) + documented())
    return folder
