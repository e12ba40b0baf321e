"""connections.yaml: what a good file means, where it is found, and what is never shown.

Mistakes and how they are told are in ``test_config_errors.py``.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr, ValidationError

from incremental_assets.config.connection import Connection
from incremental_assets.config.errors import ConfigError
from incremental_assets.config.loading import (
    ENVIRONMENT_VARIABLE,
    TEMPLATE,
    demo_config,
    find_config,
    load_config,
)
from incremental_assets.config.model import Config
from incremental_assets.config.options import Options
from incremental_assets.config.run_config import ExtractionConfig

PASSWORD = "hunter2"
URL = f"postgresql://reader:{PASSWORD}@db.example:5432/shop"


def load(folder: Path, text: str, **environ: str) -> Config:
    file = folder / "connections.yaml"
    file.write_text(text, "utf-8")
    return load_config(file, environ)


def one(more: str = "") -> str:
    """A file with one connection; ``more`` replaces or adds a key."""
    key = more.partition(":")[0]
    lines = ["name: shop", "url: postgresql://db.example/shop"]
    kept = [line for line in lines if line.partition(":")[0] != key]
    return "connections:\n  - " + "\n    ".join([more, *kept] if more else kept)


def test_a_minimal_file_has_the_documented_defaults(tmp_path):
    config = load(tmp_path, one())
    [shop] = config.connections
    assert (config.state, config.base) == (str(tmp_path / "catalog"), tmp_path)
    assert (shop.name, shop.embedded, shop.schedule) == ("shop", False, "0 * * * *")
    assert shop.options.model_dump(mode="json") == {
        "batch_columns": 100_000,
        "batch_tables": 25_000,
        "max_concurrent_batches": 3,
        "max_sessions": None,
        "marker_overlap_hours": 3,
        "exclude_views": False,
        "exclude_empty_tables": False,
        "partitions": "collapse",
        "deletion_guard_percent": 20,
        "reconcile_every_days": 7,
        "retain_versions": 30,
        "retain_changes_days": None,
        "retain_unpublished": 200,
        "fan_out": "in_run",
        "sensor_seconds": 60,
        "statement_timeout_seconds": 600,
        "retry_seconds": 2,
        "freshness_hours": 24,
    }


@pytest.mark.parametrize("model", [Config, Connection, Options, ExtractionConfig])
def test_every_field_is_described(model):
    assert all(field.description for field in model.model_fields.values())


def test_a_section_without_content_means_its_defaults(tmp_path):
    text = one() + "\n    options:\n    include:\n    schedule:\nstate:"
    assert load(tmp_path, text) == load(tmp_path, one())


def test_variables_are_filled_in_values_and_keys_once(tmp_path):
    [shop] = load(
        tmp_path,
        one("include: {'${DB}': ['${DB}_x', 'a$${b}', 'c$']}")
        + "\n    options: {batch_tables: '${N}', exclude_views: '${YES}'}"
        + "\n    exclude_tables: ${RE}",
        DB="shop",
        N="7",
        YES="true",
        RE="${DB}x: [y]",
    ).connections
    assert shop.include == {"shop": ("shop_x", "a${b}", "c$")}
    assert (shop.options.batch_tables, shop.options.exclude_views) == (7, True)
    assert shop.exclude_tables == "${DB}x: [y]"


def test_no_rendering_holds_a_password(tmp_path):
    config = load(tmp_path, one("url: ${SHOP}"), SHOP=URL)
    [shop] = config.connections
    assert shop.url.get_secret_value() == URL
    renderings = [
        render(thing)
        for thing in (config, shop)
        for render in (repr, str, lambda m: m.model_dump_json(), lambda m: str(m.model_dump()))
    ]
    assert not [text for text in renderings if PASSWORD in text]
    with pytest.raises(ValidationError) as caught:
        Connection(name="shop", url=SecretStr(f"reader:{PASSWORD}@h"))
    assert PASSWORD not in f"{caught.value}{caught.value!r}"


def test_relative_paths_start_at_the_file(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    config = load(tmp_path, "state: ../cat\n" + one("url: sqlite:///data/a%20b.db?mode=ro"))
    assert config.state == str(tmp_path.parent / "cat")
    assert config.connections[0].scope().only_database == "a b"
    assert config.connections[0].url.get_secret_value().endswith("?mode=ro")
    assert f"sqlite:///{tmp_path}/data/" in config.connections[0].url.get_secret_value()


@pytest.mark.parametrize("url", ["sqlite:////data/a.db", "sqlite:////data/a.db?x=%2F", URL])
def test_other_urls_stay_as_they_are(tmp_path, url):
    [shop] = load(tmp_path, one(f"url: '{url}'")).connections
    assert shop.url.get_secret_value() == url


def test_filters_may_be_a_json_text(tmp_path):
    text = one('include: \'{"^shop$": ["public"], "other": "*"}\'')
    [shop] = load(tmp_path, text).connections
    assert shop.include == {"^shop$": ("public",), "other": ()}


def test_the_scope_has_the_filters_the_options_and_the_entities(tmp_path):
    text = one("include: {'^shop$': ['public', 'sales_.*'], a: '*', b: ['*'], c: []}")
    text += "\n    exclude: {'.*': [tmp]}\n    exclude_tables: ^tmp_\n"
    text += "    entities: [columns, tables, schemas, databases]\n"
    text += "    options: {partitions: list, exclude_views: true}"
    scope = load(tmp_path, text).connections[0].scope()
    assert scope.include == {"^shop$": ("public", "sales_.*"), "a": (), "b": (), "c": ()}
    assert (scope.exclude, scope.exclude_tables) == ({".*": ("tmp",)}, "^tmp_")
    assert (scope.exclude_views, scope.exclude_empty_tables) == (True, False)
    assert (scope.partitions, scope.only_database) == ("list", None)
    assert scope.entities == ("databases", "schemas", "tables", "columns")


def test_without_filters_the_scope_is_the_database_of_the_url_and_all_entities(tmp_path):
    [shop] = load(tmp_path, one()).connections
    assert shop.dialect().name == "postgresql"
    assert shop.scope().only_database == "shop"
    assert shop.scope().entities == shop.dialect().entities


def test_the_models_are_frozen(tmp_path):
    config = load(tmp_path, one())
    for model, name in ((config, "state"), (config.connections[0], "name")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(model, name, "other")


def test_a_connection_is_found_by_name_or_the_names_are_told(tmp_path):
    config = load(tmp_path, one())
    assert config.connection("shop") is config.connections[0]
    with pytest.raises(ConfigError, match=r"no connection 'shpo'\. The configuration has shop\."):
        config.connection("shpo")


def test_the_file_is_the_option_else_the_environment_else_the_one_here(tmp_path):
    environ = {ENVIRONMENT_VARIABLE: "e.yaml"}
    assert find_config(None, {}, tmp_path) is None
    here = tmp_path / "connections.yaml"
    here.touch()
    assert find_config(None, {}, tmp_path) == here
    assert find_config(None, {ENVIRONMENT_VARIABLE: ""}, tmp_path) == here
    assert find_config(None, environ, tmp_path) == tmp_path / "e.yaml"
    assert find_config("o.yaml", environ, tmp_path) == tmp_path / "o.yaml"
    assert find_config("/o.yaml", environ, tmp_path) == Path("/o.yaml")


def test_the_demo_is_one_embedded_connection(tmp_path):
    config = demo_config(tmp_path / "demo")
    [demo] = config.connections
    assert (demo.name, demo.embedded, config.state) == (
        "demo",
        True,
        str(tmp_path / "demo" / "catalog"),
    )
    assert "embedded" in demo.url.get_secret_value()
    assert demo.scope().only_database == "shop"


def test_the_template_loads_as_it_stands(tmp_path):
    config = load(tmp_path, TEMPLATE, SHOP_DATABASE_URL=URL)
    assert config == load(tmp_path, one(f"url: {URL}"))


def test_the_template_shows_every_option_with_its_default():
    options = TEMPLATE.partition("    options:\n")[2]
    shown = yaml.safe_load(re.sub(r"^ +# ", "", options, flags=re.MULTILINE))
    assert shown == Options().model_dump(mode="json")


def test_importing_the_module_brings_no_sqlalchemy_and_no_polars():
    code = (
        "import sys, incremental_assets.config.loading\n"
        "print([m for m in ('sqlalchemy', 'polars', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
