"""The README tells the truth about what is there."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from incremental_assets.cli.app import main
from incremental_assets.config.connection import Connection
from incremental_assets.config.options import Options
from incremental_resources.source.dialect import dialects

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
SETUP = "python3 -m venv .venv && .venv/bin/pip install -e '.[dev]' && .venv/bin/"


@pytest.mark.parametrize("command", ["incremental-assets demo", "pytest"])
def test_the_two_commands_stand_in_the_readme(command: str) -> None:
    assert f"$ {SETUP}{command}\n" in README


def test_the_ci_runs_the_command_of_the_readme() -> None:
    assert f"{SETUP}pytest".replace("install", "install -q") in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("name", sorted(main.commands_in))
def test_a_command_is_documented_and_has_help(name: str) -> None:
    command = main.get_command(None, name)

    assert re.search(rf"^\| `{name}[ `]", README, re.MULTILINE)
    assert command.help


@pytest.mark.parametrize("name", sorted(main.commands_in))
def test_every_option_of_a_command_stands_in_its_line(name: str) -> None:
    (line,) = re.findall(rf"^\| `{name}(?:`| [A-Z\[]).*", README, re.MULTILINE)
    options = [option for one in main.get_command(None, name).params for option in one.opts]

    assert [one for one in options if one.startswith("--") and one not in line] == []


@pytest.mark.parametrize(("name", "field"), Options.model_fields.items())
def test_an_option_stands_in_the_readme_with_its_default(name: str, field: object) -> None:
    default = str(field.default).lower().removesuffix(".0")

    assert f"| `{name}` | {default} |" in README


def test_every_key_of_a_connection_stands_in_the_readme() -> None:
    fields = Connection.model_fields.items()
    public = {field.alias or name for name, field in fields} - {"embedded", "options"}

    assert [name for name in public if f"`{name}`" not in README] == []


def test_every_dialect_stands_in_the_readme_with_its_oldest_version() -> None:
    for dialect in dialects().values():
        oldest = ".".join(map(str, dialect.minimum_version))
        assert f"| {dialect.title} {oldest} and later |" in README


def test_every_dialect_has_an_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert {dialect.extra for dialect in dialects().values()} <= set(
        project["optional-dependencies"]
    )


def test_every_file_that_the_readme_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)

    assert links
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_a_new_home_gets_the_settings_of_the_project() -> None:
    ours = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    packaged = yaml.safe_load(
        (ROOT / "incremental_assets" / "instance" / "instance.yaml").read_text()
    )

    assert packaged.items() <= ours.items()
    assert ours.keys() - packaged.keys() == {"storage", "compute_logs", "local_artifact_storage"}
