"""A dialect in somebody else's package, found by its entry point."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from incremental_resources.source.dialect import GROUP, dialect_for
from tests.sources import copied_folder

DIALECT = """
from dataclasses import replace
from incremental_resources.source.dialects.sqlite.dialect import DIALECT as SQLITE

DIALECT = replace(
    SQLITE, name={name!r}, title="Acme", url_schemes=("acme",), package="acme_dialects"
)
"""
PATH = os.pathsep.join([str(Path(__file__).parents[2]), "{site}"])


def install(site: Path, name: str = "acme", value: str = "acme_dialects.acme:DIALECT") -> None:
    """What pip would have put there for a package with one dialect, a copy of SQLite's."""
    copied_folder(dialect_for("sqlite://"), site / "acme_dialects")
    (site / "acme_dialects" / "sqlite").rename(site / "acme_dialects" / "acme")
    (site / "acme_dialects" / "acme" / "__init__.py").write_text(DIALECT.format(name=name))
    about = site / "acme_dialects-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-dialects\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[{GROUP}]\nacme = {value}\n")


def command(site: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """``incremental-assets`` where that package is installed."""
    return subprocess.run(
        [sys.executable, "-m", "incremental_assets", *arguments],
        env=os.environ | {"PYTHONPATH": PATH.format(site=site), "DAGSTER_HOME": str(site / "home")},
        cwd=site,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_refresh_reads_by_the_dialect_of_another_package(tmp_path: Path) -> None:
    install(tmp_path)
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.executescript("create table item (id integer primary key, name text)")
    (tmp_path / "connections.yaml").write_text(
        f"connections: [{{name: shop, url: 'acme:///{tmp_path}/shop.db'}}]"
    )

    refreshed = command(tmp_path, "refresh", "--json")

    assert refreshed.returncode == 0, refreshed.stderr
    (outcome,) = json.loads(refreshed.stdout)["connections"]
    assert outcome["counts"] == {"databases": 1, "schemas": 1, "tables": 1, "columns": 2}
    assert '"Acme"' in command(tmp_path, "dialects", "--json").stdout


def test_a_dialect_of_another_package_takes_its_parents_files(tmp_path: Path) -> None:
    install(tmp_path)
    folder = tmp_path / "acme_dialects" / "acme"
    for path in folder.glob("*.sql"):
        path.unlink()
    with_parent = DIALECT.format(name="acme").replace("SQLITE, name", "SQLITE, parent=SQLITE, name")
    (folder / "__init__.py").write_text(with_parent)
    own = "select :database as database, 'acme' as owner, null as comment, null as native_id"
    (folder / "databases.sql").write_text(own)
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.executescript("create table item (id integer primary key, name text)")
    (tmp_path / "connections.yaml").write_text(
        f"connections: [{{name: shop, url: 'acme:///{tmp_path}/shop.db'}}]"
    )

    refreshed = command(tmp_path, "refresh", "--json")
    export = ("export", "shop", "--entity", "databases", "--format", "jsonl", "--output", "out")
    exported = command(tmp_path, *export)

    assert refreshed.returncode == exported.returncode == 0, refreshed.stderr + exported.stderr
    (outcome,) = json.loads(refreshed.stdout)["connections"]
    assert outcome["counts"]["columns"] == 2
    assert '"owner":"acme"' in (tmp_path / "out").read_text().replace(" ", "")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("sqlite", "acme_dialects.acme:DIALECT", "there is a dialect sqlite already"),
        ("acme", "acme_dialects.acme:SQLITES", "it cannot be loaded"),
        ("acme", "acme_dialects.gone:DIALECT", "No module named 'acme_dialects.gone'"),
        ("acme", "acme_dialects.acme:replace", "it is a function, not a Dialect"),
    ],
)
def test_a_dialect_that_cannot_be_used_is_named(
    tmp_path: Path, name: str, value: str, told: str
) -> None:
    install(tmp_path, name, value)

    failed = command(tmp_path, "dialects")

    assert failed.returncode == 1
    assert told in failed.stderr
    assert "of acme-dialects in the group" in failed.stderr
    assert "Traceback" not in failed.stderr
