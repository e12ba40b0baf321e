"""A product in a folder beside the configuration: the one that the docs make, on a server."""

import json
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from incremental_assets.cli.app import main
from tests.documents import block

PAGE = "docs/own-database.md"
FOLDER = {
    "dialect.py": ("python", "DIALECT = replace("),
    "schemas.sql": ("sql", "from pg_namespace"),
}


@pytest.fixture
def project(tmp_path: Path, fresh_database: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's files, and a database with a table in each of two schemas."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("INCREMENTAL_ASSETS_CONFIG", raising=False)
    folder = tmp_path / "rocks_db"
    folder.mkdir()
    for name, (language, containing) in FOLDER.items():
        (folder / name).write_text(block(PAGE, language, containing))
    configuration = block(PAGE, "yaml", "connections:")
    address = fresh_database.replace("postgresql://", "rocks://")
    written = configuration.replace("rocks://reader@127.0.0.1:5432/shop", address)
    assert written != configuration
    (tmp_path / "connections.yaml").write_text(written)
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute("create table item (id integer primary key)")
        connection.execute("create schema rocks_internal")
        connection.execute("create table rocks_internal.secret (id integer)")
        connection.execute("create function f() returns integer language sql return 1")
    return tmp_path


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_the_pages_example_refreshes_and_notices_changes(
    project: Path, fresh_database: str
) -> None:
    checked = run("check", "rocks", "--json")
    assert checked.exit_code == 0, checked.output
    first = run("refresh", "rocks", "--json")
    assert first.exit_code == 0, first.output
    (outcome,) = json.loads(first.stdout)["connections"]
    assert outcome["counts"] == {"databases": 1, "schemas": 1, "tables": 1, "columns": 1}
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute("alter table item add column name text")
    (outcome,) = json.loads(run("refresh", "rocks", "--json").stdout)["connections"]
    assert (outcome["mode"], outcome["tables_read"]) == ("incremental", 1)
    assert outcome["changes"]["columns"] == {"CREATED": 1}
    (told,) = [
        one
        for one in json.loads(run("dialects", "--json").stdout)["dialects"]
        if one["name"] == "rocks_db"
    ]
    assert (told["title"], told["url_schemes"], told["verified"]) == (
        "Rocks",
        ["rocks"],
        "on nothing but this page's test",
    )
    assert "procedures" not in told["entities"]


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (None, "dialect.py cannot be used: it is not there"),
        ("DIALECT = 1", "it sets no DIALECT that is a Dialect"),
        (
            "import nowhere_to_be_found",
            "ModuleNotFoundError: No module named 'nowhere_to_be_found'",
        ),
        ("a b", "SyntaxError"),
        (
            "from incremental_resources.source.dialects.sqlite.dialect import DIALECT",
            "there is a dialect sqlite already",
        ),
    ],
)
def test_a_folder_that_cannot_be_used_is_told_before_anything_starts(
    project: Path, program: str | None, told: str
) -> None:
    file = project / "rocks_db" / "dialect.py"
    file.unlink()
    if program is not None:
        file.write_text(program)
    result = run("refresh", "rocks")
    assert result.exit_code == 1
    assert "connections[0].dialect" in result.stderr
    assert told in " ".join(result.stderr.split())
    assert not (project / "catalog").exists()


def test_a_url_of_another_product_is_told(project: Path) -> None:
    written = (project / "connections.yaml").read_text()
    (project / "connections.yaml").write_text(written.replace("rocks://", "postgresql://"))
    result = run("refresh", "rocks")
    assert result.exit_code == 1
    assert "is not one of the dialect" in result.stderr
