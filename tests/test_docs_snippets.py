"""What README and docs have people type and write: it parses, loads and runs.

What a snippet does beyond that is looked at where its subject is: the code location and the sink
in tests/graph, settings of instances in tests/fan_out, the rights in tests/contract.
"""

import importlib.util
import json
import re
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path

import click
import dagster as dg
import polars as pl
import pytest
import yaml
from dagster.components.testing import create_defs_folder_sandbox

from incremental_assets import Config, Connection, build_definitions, load_config
from incremental_assets.cli.app import main
from incremental_resources.state_store.local import LocalObjects
from tests.documents import ROOT, Block, blocks, pages, prose
from tests.fan_out.test_documented_settings import PLACES
from tests.live import refresh, refreshing, written_config

ENVIRONMENT = {
    "SHOP_DATABASE_URL": "postgresql://reader:secret@127.0.0.1/shop",
    "NAME": "text",
    "WEBHOOK_URL": "https://hooks.example/shop",
    "WEBHOOK_SECRET": "secret",
}
LANGUAGES = {"", "console", "json", "python", "sql", "yaml"}
# First words of blocks that tests/fan_out holds against Dagster's own schemas, or gives a worker.
SETTINGS = tuple(f"# {place}" for place in (*PLACES, "celery.yaml of"))


def kind(block: Block) -> str:
    """What a YAML block is a file for."""
    document = yaml.safe_load(block.text)
    if block.text.startswith(SETTINGS):
        return "settings"
    return next(name for name in ("connections", "type", "ops") if name in document)


def yaml_blocks(wanted: str) -> list[Block]:
    return [block for block in blocks("yaml") if kind(block) == wanted]


def typed() -> list[tuple[str, str]]:
    """Page and text of each command in a console block, without its comment."""
    lines = [(block.page, line) for block in blocks("console") for line in block.text.splitlines()]
    assert all(line.startswith("$ ") for _, line in lines), "these blocks hold no output"
    commands = [(page, part) for page, line in lines for part in line[2:].split(" && ")]
    return [(page, re.sub(r"\s+#.*", "", command)) for page, command in commands]


def mentioned() -> list[tuple[str, str]]:
    """Page and text of what stands in the prose as code."""
    return [
        (page, code)
        for page, text in pages().items()
        for code in re.findall(r"`([^`\n]+)`", prose(text))
    ]


def arguments_of(program: str, commands: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The arguments given to a program among these commands."""
    pattern = re.compile(rf"(?:\.venv/bin/)?{re.escape(program)} (.+)")
    found = ((page, pattern.fullmatch(command)) for page, command in commands)
    return [(page, match[1]) for page, match in found if match]


def understood(page: str, arguments: str) -> None:
    """The command line takes these arguments."""
    with main.make_context("incremental-assets", shlex.split(arguments)) as context:
        name, *rest = [*context._protected_args, *context.args]
        command = main.get_command(context, name)
        assert command is not None, f"{page}: there is no command {name}"
        with command.make_context(name, rest, parent=context):
            pass


def test_no_block_is_of_a_language_that_nothing_here_looks_at() -> None:
    opened = [
        line.removeprefix("```")
        for text in pages().values()
        for line in text.splitlines()
        if line.startswith("```")
    ]

    assert set(opened) == LANGUAGES
    assert len(opened) == 2 * sum(len(blocks(language)) for language in LANGUAGES)


@pytest.mark.parametrize(("page", "arguments"), arguments_of("incremental-assets", typed()))
def test_a_command_line_is_understood(page: str, arguments: str) -> None:
    understood(page, arguments)


@pytest.mark.parametrize(("page", "arguments"), arguments_of("incremental-assets", mentioned()))
def test_a_command_in_the_prose_is_there(page: str, arguments: str) -> None:
    """Its name alone stands for the command, with more it is one to type."""
    if " " in arguments:
        understood(page, arguments)
    else:
        assert arguments in main.commands_in


def test_a_wrong_command_line_would_be_seen() -> None:
    assert len(arguments_of("incremental-assets", typed())) > 10
    assert len(arguments_of("incremental-assets", mentioned())) > 5
    with pytest.raises(click.NoSuchOption):
        understood("here", "refresh shop --ful")
    with pytest.raises(click.MissingParameter):
        understood("here", "export")


@pytest.mark.parametrize(("page", "arguments"), arguments_of("python -m", [*typed(), *mentioned()]))
def test_a_module_that_is_to_be_run_is_there_with_its_options(page: str, arguments: str) -> None:
    module, *rest = arguments.split()
    spec = importlib.util.find_spec(module)
    assert spec is not None, f"{page}: there is no module {module}"
    assert spec.origin is not None
    source = Path(spec.origin).read_text()
    options = [one.strip("[]") for one in rest if one.strip("[]").startswith("--")]

    assert [option for option in options if f'"{option}"' not in source] == []


@pytest.mark.parametrize(
    ("page", "arguments"), arguments_of("pip install", [*typed(), *mentioned()])
)
def test_what_is_to_be_installed_is_an_extra(page: str, arguments: str) -> None:
    project = (ROOT / "pyproject.toml").read_text()
    for extra in re.findall(r"\[([\w,]+)\]", arguments):
        for name in extra.split(","):
            assert re.search(rf"^{name} = \[", project, re.MULTILINE), f"{page}: {name}"


def dialect_of(page: str) -> str:
    (found,) = (one.text for one in blocks("python") if one.page == page)
    return found


@pytest.mark.parametrize("block", yaml_blocks("connections"), ids=str)
def test_a_configuration_loads(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "connections.yaml"
    # The dialect that a page makes is run in tests/contract.
    for folder in re.findall(r"dialect: \./(\w+)", block.text):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "dialect.py").write_text(dialect_of(block.page))
    # What may be uncommented has to load as well.
    for text in (block.text, re.sub(r"^(\s*)# (?=\w+: )", r"\1", block.text, flags=re.M)):
        path.write_text(text)
        assert load_config(path, ENVIRONMENT).connections


def test_the_kinds_of_yaml_are_all_there() -> None:
    settings = [block.text for block in yaml_blocks("settings")]

    assert {kind(block) for block in blocks("yaml")} == {"connections", "settings", "type", "ops"}
    assert len(yaml_blocks("connections")) >= 4
    # Each of these is held against a schema, or given to a worker, in tests/fan_out.
    assert all(any(text.startswith(start) for text in settings) for start in SETTINGS)
    assert len(settings) == len(SETTINGS)


@pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated")
@pytest.mark.filterwarnings("ignore::dagster.BetaWarning")
@pytest.mark.parametrize("block", yaml_blocks("type"), ids=str)
def test_a_component_loads(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "secret")
    with create_defs_folder_sandbox() as sandbox:
        folder = sandbox.defs_folder_path / "catalog"
        folder.mkdir(parents=True)
        (folder / "defs.yaml").write_text(block.text)
        with sandbox.build_all_defs() as definitions:
            assert definitions.resolve_job_def("shop_refresh")


@pytest.mark.parametrize("block", yaml_blocks("ops"), ids=str)
def test_what_the_launchpad_is_given_is_run_config(block: Block, tmp_path: Path) -> None:
    shop = Connection(name="shop", url=f"sqlite:///{tmp_path}/shop.db")
    definitions = build_definitions(Config(state=str(tmp_path), connections=(shop,)))
    job = definitions.resolve_job_def("shop_refresh")

    assert dg.validate_run_config(job, yaml.safe_load(block.text))


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_is_json(block: Block) -> None:
    assert json.loads(block.text)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where we are: a connection ``shop`` that was refreshed twice, and its file."""
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    with (
        closing(sqlite3.connect(tmp_path / "shop.db")) as connection,
        refreshing(url, LocalObjects(tmp_path / "catalog")) as refresher,
    ):
        connection.execute("create table item (id integer primary key)")
        refresh(refresher)
        connection.execute("alter table item add name text")
        refresh(refresher)
    monkeypatch.chdir(tmp_path)
    return written_config(tmp_path / "connections.yaml", url)


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_a_snippet_runs_by_itself(block: Block, shop: Path) -> None:
    names: dict[str, object] = {}
    exec(compile(block.text, block.page, "exec"), names)

    columns = names.get("columns")
    if isinstance(columns, pl.LazyFrame):
        assert columns.collect()["column"].to_list() == ["id", "name"]
    if isinstance(wide := names.get("wide"), pl.DataFrame):
        assert wide.rows() == [("main", "item", 2)]
    if isinstance(changed := names.get("changed"), pl.DataFrame):
        assert changed["column"].to_list() == ["name"]
    if isinstance(appeared := names.get("appeared"), pl.DataFrame):
        assert appeared.drop("marker").rows() == [(2, "main", "item", "name")]
        assert isinstance(busiest := names["busiest"], pl.DataFrame)
        # The rows that begin the two versions are of no table.
        assert set(busiest.rows()) == {(None, 2), ("item", 3)}


def test_the_state_is_read_in_both_ways() -> None:
    read = [block.text for block in blocks("python")]

    assert sum("scan_parquet" in text for text in read) == 1
    assert sum("open_state(load_config" in text for text in read) == 1
