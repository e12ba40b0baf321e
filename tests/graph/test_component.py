"""``type: incremental_assets.SqlCatalog`` in a defs.yaml, loaded as Dagster loads a project."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster.components.core.snapshot import get_package_entry_snap
from dagster.components.testing import DefsFolderSandbox, create_defs_folder_sandbox
from dagster_shared.serdes.objects import EnvRegistryKey
from dagster_shared.serdes.objects.package_entry import json_for_all_components

from incremental_assets import SqlCatalog
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.store import StateStore

pytestmark = [
    # Dagster 1.13 parses a defs.yaml with pydantic's older function,
    pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated"),
    # and copies what it loads with settings that it calls beta.
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning"),
]

SHOP = """
type: incremental_assets.SqlCatalog
attributes:
  connections:
    - name: shop
      dialect: sqlite
      url: {url}
      owners: ["team:data"]
      options: {{retain_versions: 5}}
"""


@pytest.fixture
def project() -> Iterator[DefsFolderSandbox]:
    with create_defs_folder_sandbox() as sandbox:
        yield sandbox


def written(project: DefsFolderSandbox, text: str, folder: str = "catalog") -> Path:
    """A defs.yaml in a folder of its own, beside a database file."""
    path = project.defs_folder_path / folder
    path.mkdir(parents=True)
    (path / "defs.yaml").write_text(text)
    with closing(sqlite3.connect(path / "shop.db")) as connection:
        connection.executescript("create table item (id integer primary key, name text)")
    return path


def refreshed(project: DefsFolderSandbox, name: str = "shop") -> dg.ExecuteInProcessResult:
    with project.build_all_defs() as definitions, dg.DagsterInstance.ephemeral() as instance:
        dg.Definitions.validate_loadable(definitions)
        job = definitions.resolve_job_def(f"{name}_refresh")
        return job.execute_in_process(instance=instance, raise_on_error=False)


def version(folder: Path, name: str = "shop") -> int | None:
    found = StateStore(LocalObjects(folder / "catalog"), name).current()
    return found and found.number


def refusal(project: DefsFolderSandbox) -> str:
    """Everything that is told when the project does not load."""
    with pytest.raises(Exception, match=r".") as raised, project.build_all_defs():
        pass
    told: list[str] = []
    error: BaseException | None = raised.value
    while error:
        told.append(str(error))
        error = error.__cause__ or error.__context__
    return "\n".join(told)


def test_paths_start_at_the_folder_of_the_defs_yaml(project: DefsFolderSandbox) -> None:
    folder = written(project, SHOP.format(url="sqlite:///shop.db"))

    assert refreshed(project).success
    assert version(folder) == 1


def test_several_catalogs_live_in_one_project(project: DefsFolderSandbox) -> None:
    written(project, SHOP.format(url="sqlite:///shop.db"))
    other = SHOP.replace("name: shop", "name: office").format(url="sqlite:///shop.db")
    folder = written(project, other, "office")

    assert refreshed(project, "office").success
    assert version(folder, "office") == 1


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///${SECRET_FILE}.db",
        '"sqlite:///{{ env.SECRET_FILE }}.db"',
        "\"{{ env('SECRET_URL') }}\"",
        "${SECRET_URL}",
    ],
)
def test_a_secret_is_looked_up_when_a_run_needs_it(
    project: DefsFolderSandbox, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    for name in ("SECRET_FILE", "SECRET_URL"):
        monkeypatch.delenv(name, raising=False)
    folder = written(project, SHOP.format(url=url))
    unset = refreshed(project)
    assert not unset.success
    told = "".join(str(event.event_specific_data) for event in unset.all_events)
    assert "environment variable SECRET_" in told

    monkeypatch.setenv("SECRET_FILE", "shop")
    monkeypatch.setenv("SECRET_URL", "sqlite:///shop.db")

    assert refreshed(project).success
    assert version(folder) == 1


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("owners", "connections[0].ownrs: unknown key; did you mean owners?"),
        ("retain_versions: 5", "connections[0].options.retain_versions: "),
        ("name: shop", "connections[0].name: 'Shop!' is not allowed; allowed: up to 60 small"),
    ],
)
def test_a_mistake_is_told_as_for_a_connections_yaml(
    project: DefsFolderSandbox, wrong: str, told: str
) -> None:
    mistakes = {
        "owners": "ownrs",
        "retain_versions: 5": "retain_versions: none",
        "name: shop": "name: Shop!",
    }
    text = SHOP.format(url="sqlite:///shop.db").replace(wrong, mistakes[wrong])
    folder = written(project, text)

    everything = refusal(project)

    assert told in everything
    assert f"{folder / 'defs.yaml'} cannot be used" in everything


def keys(schema: dict[str, Any]) -> set[str]:
    return set(schema["properties"])


def test_the_schema_documents_every_key_and_no_internal_one() -> None:
    schema = SqlCatalog.get_model_cls().model_json_schema()

    connection = schema["properties"]["connections"]["items"]
    assert keys(schema) == {"state", "s3", "connections"}
    assert {"name", "url", "dialect", "options"} <= keys(connection)
    assert "embedded" not in keys(connection)
    fields = [*connection["properties"].values(), *schema["properties"].values()]
    assert all(field["description"] for field in fields)


def test_the_page_of_components_has_an_example_that_loads(project: DefsFolderSandbox) -> None:
    entry = get_package_entry_snap(EnvRegistryKey("incremental_assets", "SqlCatalog"), SqlCatalog)
    ((page,),) = (one["componentTypes"] for one in json_for_all_components([entry]))
    written(project, page["example"])

    with project.build_all_defs() as definitions:
        assert definitions.resolve_job_def("shop_refresh")
    assert entry.summary == "Keeps an exact, versioned picture of SQL databases: one group of " + (
        "assets per connection."
    )
    assert "get_asset_spec" in (page["description"] or "")
    assert {"sql", "lineage"} <= set(page["tags"] or ())
    parameters = (entry.scaffolder_schema or {})["properties"].values()
    assert all(one["description"] for one in parameters)


SUBCLASS = """
from incremental_assets import SqlCatalog

class ShopCatalog(SqlCatalog):
    def get_asset_spec(self, table):
        return super().get_asset_spec(table).replace_attributes(key=["raw", table.name])
"""


def test_a_subclass_translates_tables(project: DefsFolderSandbox) -> None:
    (project.defs_folder_path.parent / "shop_catalog.py").write_text(SUBCLASS)
    named = f"{project.defs_folder_path.parent.name}.shop_catalog.ShopCatalog"
    text = SHOP.format(url="sqlite:///shop.db").replace("incremental_assets.SqlCatalog", named)
    written(project, text + "      lineage: {include: {}}\n")
    assert refreshed(project).success

    with project.build_all_defs() as definitions:
        keys = {spec.key for spec in definitions.resolve_all_asset_specs()}
    assert dg.AssetKey(["raw", "item"]) in keys
    assert dg.AssetKey(["shop", "shop", "main", "item"]) not in keys


def test_the_package_itself_stays_cheap_to_import() -> None:
    code = "import sys, incremental_assets as i; assert 'SqlCatalog' in dir(i); "
    code += "assert 'dagster' not in sys.modules; i.SqlCatalog; assert 'dagster' in sys.modules"

    subprocess.run([sys.executable, "-c", code], check=True)
