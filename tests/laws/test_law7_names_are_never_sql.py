"""Law 7: nothing is formatted into SQL, and names are tuples, never joined strings."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from incremental_assets.cli.app import main
from incremental_assets.core.entities import ENTITIES
from incremental_resources.state_store.local import LocalObjects
from tests.live import (
    NAME,
    current,
    refresh,
    refresh_as_a_person,
    refreshing,
    reread,
    state,
    written_config,
)
from tests.oracle import differing
from tests.sources import postgresql

SOURCE = Path(__file__).parents[2] / "resources" / "incremental_resources" / "source"
SQL_FILES = sorted(SOURCE.rglob("*.sql"))
MODULES = sorted(SOURCE.rglob("*.py"))
# What sends a text to a server.
SENDERS = ("text", "execute", "executemany", "executescript", "exec_driver_sql", "scalar")
BEFORE = ("previous_schema", "previous_table")


def relative(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def is_quoted(node: ast.JoinedStr) -> bool:
    """Whether all that is put into a text has gone through a dialect's quoting."""
    put = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
    called = [one.func for one in put if isinstance(one, ast.Call)]
    names = [one.id for one in called if isinstance(one, ast.Name)]
    return len(names) == len(put) and all(name.endswith("quoted") for name in names)


def is_formatted(node: ast.AST) -> bool:
    """Whether a text is put together where it is used."""
    if isinstance(node, ast.JoinedStr) and is_quoted(node):
        return False
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in ("format", "format_map", "join", "replace", "substitute")
    return isinstance(node, ast.JoinedStr | ast.BinOp)


def formatted_sql(tree: ast.AST) -> Iterator[int]:
    """Lines where something that was put together is sent, also by way of a name."""
    names = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and is_formatted(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else None
        called = node.func.id if isinstance(node.func, ast.Name) else called
        sent = node.args[0]
        by_name = isinstance(sent, ast.Name) and sent.id in names
        if called in SENDERS and (is_formatted(sent) or by_name):
            yield node.lineno


def test_the_scan_finds_what_it_is_for() -> None:
    wrong = (
        "execute(f'select {name}')",
        "c.execute('select ' + name)",
        "text('select %s' % name)",
        "text('select {}'.format(name))",
        "query = f'select {name}'\nc.execute(query)",
        "execute(f'describe {quoted(name)}.{other}')",
    )
    assert [text for text in wrong if not list(formatted_sql(ast.parse(text)))] == []
    right = ("execute(text(dialect.sql(file)), binds)", "execute(f'describe {quoted(name)}')")
    assert [text for text in right if list(formatted_sql(ast.parse(text)))] == []


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_no_statement_is_put_together_in_python(path: Path) -> None:
    assert list(formatted_sql(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize("path", SQL_FILES, ids=relative)
def test_an_sql_file_has_no_fields_to_fill_in(path: Path) -> None:
    code = re.sub(r"--.*", "", path.read_text())
    assert re.findall(r"\{\w*\}|%\(\w+\)|%s|\$\{|\$\d|<<\w+>>", code) == []
    # No statement is made and executed on the server either.
    assert re.findall(r"(?i)\bexecute\b|query_to_xml|dblink", code) == []


def test_names_that_read_alike_stay_apart(tmp_path: Path, fresh_database: str) -> None:
    live = postgresql(fresh_database)
    live.ddl('create schema "a.b"', 'create table "a.b".c (x integer)')
    live.ddl("create schema a", 'create table a."b.c" (y integer)', "create table a.d ()")
    config = written_config(tmp_path / "connections.yaml", fresh_database)
    with refreshing(fresh_database, LocalObjects(tmp_path / "catalog")) as refresher:
        refresh(refresher)
        assert exported(tmp_path, config, "columns") == [("a", "b.c", "y"), ("a.b", "c", "x")]
        live.ddl('alter table "a.b".c add column more text')
        refresh(refresher)
        assert reread(refresher) == [("a.b", "c")]
        assert exported(tmp_path, config, "columns", "--diff") == [("a.b", "c", "more")]
        # One name moves to where the other one was.
        live.ddl('drop table a."b.c"', 'alter table "a.b".c set schema a')
        live.ddl('alter table a.c rename to "b.c"')
        refresh_as_a_person(refresher)
        columns = [("a", "b.c", "more"), ("a", "b.c", "x")]
        assert exported(tmp_path, config, "columns") == columns
        version = current(refresher)
        moved = version.diff("tables").filter(change="RENAMED").select("schema", "table", *BEFORE)
        assert moved.rows() == [("a", "b.c", "a.b", "c")]
        assert differing(fresh_database, state(version), partitions=False) == {}


def exported(folder: Path, config: Path, entity: str, *options: str) -> list[tuple[str, ...]]:
    """The names in a file that the command line exports, sorted."""
    output = folder / "exported.parquet"
    asked = ["--config", str(config), "export", NAME, "--entity", entity, "--format", "parquet"]
    result = CliRunner().invoke(main, [*asked, "--output", str(output), *options])
    assert result.exit_code == 0, result.output
    return sorted(pl.read_parquet(output).select(ENTITIES[entity].key[1:]).rows())
