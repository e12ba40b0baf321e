"""What the webserver's API tells of a view, a table and its column schema, keys included."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from incremental_assets.config.loading import ENVIRONMENT_VARIABLE
from incremental_resources.state_store.local import LocalObjects
from tests.live import refresh, refreshing, written_config

pytestmark = pytest.mark.integration

QUERY = """{
    assetNodes(group: {
        groupName: "shop_tables"
        repositoryName: "__repository__"
        repositoryLocationName: "incremental_assets.definitions"
    }) {
        assetKey { path }
        dependencyKeys { path }
        kinds
        metadataEntries {
            label
            ... on TableSchemaMetadataEntry { schema { columns { name type } } }
            ... on TableColumnLineageMetadataEntry {
                lineage { columnName columnDeps { assetKey { path } columnName } }
            }
        }
    }
}"""


def test_a_view_and_its_table_are_there_with_lineage(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.execute('create table "in/out" (id integer, note text)')
        connection.execute('create view notes as select note as said from "in/out"')
        connection.commit()
    url, lineage = f"sqlite:///{tmp_path / 'shop.db'}", {"include": {"shop": ["main"]}}
    with refreshing(url, LocalObjects(tmp_path / "catalog"), lineage=lineage) as refresher:
        refresh(refresher)
    config = written_config(tmp_path / "connections.yaml", url, lineage=lineage)

    nodes = {node["assetKey"]["path"][-1]: node for node in asked(config, tmp_path / "home")}

    table, view = ["shop", "shop", "main", "in~2Fout"], nodes["notes"]
    assert set(nodes) == {"in~2Fout", "notes"}
    assert view["dependencyKeys"] == [{"path": table}]
    assert set(view["kinds"]) == {"sqlite", "view"}
    told = {entry["label"]: entry for entry in view["metadataEntries"]}
    assert told["dagster/column_schema"]["schema"]["columns"] == [{"name": "said", "type": "TEXT"}]
    assert told["dagster/column_lineage"]["lineage"] == [
        {
            "columnName": "said",
            "columnDeps": [{"assetKey": {"path": table}, "columnName": "note"}],
        }
    ]


def asked(config: Path, home: Path) -> list[dict]:
    """The answer of the webserver's schema over a code location that loads anew."""
    home.mkdir()
    program = "from dagster_graphql.cli import main; main()"
    arguments = ["-m", "incremental_assets.definitions", "-t", QUERY]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=os.environ | {"DAGSTER_HOME": str(home), ENVIRONMENT_VARIABLE: str(config)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (answer,) = (line for line in done.stdout.splitlines() if line.startswith("{"))
    return json.loads(answer)["data"]["assetNodes"]
