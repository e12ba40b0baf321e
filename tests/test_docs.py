"""README and docs tell the truth about what is there; what they have people run is in
``test_docs_snippets``.
"""

import re
import tomllib

import pytest
import yaml

import incremental_assets
from incremental_assets.cli.app import main
from incremental_assets.config.errors import known_keys
from incremental_resources.source.dialect import dialects
from tests.documents import (
    CONNECTIONS,
    MODELS,
    ROOT,
    SINKS,
    anchors,
    first_column,
    links,
    page,
    pages,
    prose,
    reference,
    section,
    written,
)
from tests.test_architecture import ORDER

README = page("README.md")
COMMAND_LINE = page("docs/command-line.md")
DEVELOPING = "docs/developing.md"
SETUP = "python3 -m venv .venv && .venv/bin/pip install -e '.[{}]' && .venv/bin/{}"
COMMANDS = {"demo": "incremental-assets demo", "dev": "pytest"}
PAGES = sorted({*pages(), "tests/benchmarks/README.md"})


def options_in(text: str) -> set[str]:
    """The options that a cell of the table of commands names."""
    return set(re.findall(r"(--[a-z-]+)", text))


@pytest.mark.parametrize("extra", COMMANDS)
def test_the_two_commands_stand_in_the_readme(extra: str) -> None:
    assert f"$ {SETUP.format(extra, COMMANDS[extra])}\n" in README


def test_the_ci_runs_the_command_of_the_readme() -> None:
    command = SETUP.format("dev", "pytest").replace("install", "install -q")

    assert command in (ROOT / ".ci" / "run").read_text()


def test_the_readme_is_read_in_five_minutes() -> None:
    assert len(README.splitlines()) <= 200


def test_the_picture_loads_quickly() -> None:
    (picture,) = [link for link in links(README) if link.endswith(".png")]
    content = (ROOT / picture).read_bytes()

    assert content.startswith(b"\x89PNG")
    assert len(content) < 300_000


def test_every_page_of_the_docs_is_found_from_the_readme_and_from_their_index() -> None:
    topics = {path.name for path in ROOT.glob("docs/*.md")} - {"README.md"}

    assert topics <= {link.removeprefix("docs/") for link in links(README)}
    assert topics <= set(links(page("docs/README.md")))


@pytest.mark.parametrize("name", sorted(main.commands_in))
def test_a_command_is_documented_with_every_option_and_has_help(name: str) -> None:
    (line,) = re.findall(rf"^\| `({name}(?:`| [A-Z\[]).*?) \| ", COMMAND_LINE, re.MULTILINE)
    command = main.get_command(None, name)
    there = {option for one in command.params for option in one.opts if option.startswith("--")}

    assert options_in(line) == there
    assert command.help


def test_no_command_is_documented_that_is_not_there() -> None:
    table, _, _ = COMMAND_LINE.partition("\n## ")
    named = {re.match(r"`([a-z-]+)", cell)[1] for cell in first_column(table)}

    assert named == set(main.commands_in)


def test_the_options_before_a_command_are_documented() -> None:
    options = {option for one in main.params for option in one.opts}

    assert [one for one in options if f"`{one}" not in COMMAND_LINE] == []


@pytest.mark.parametrize("name", MODELS)
def test_the_keys_of_a_configuration_are_documented_as_the_models_have_them(name: str) -> None:
    assert reference(MODELS[name]) in page(CONNECTIONS) + page(SINKS), (
        "python -m tests.documents writes it anew"
    )
    assert [f"`{key}`" for key in known_keys(MODELS[name])] == first_column(reference(MODELS[name]))


def test_the_tables_of_the_models_are_all_that_is_written_by_program() -> None:
    assert written(page(CONNECTIONS)) == page(CONNECTIONS)
    assert written(page(SINKS)) == page(SINKS)


def test_every_dialect_is_documented_with_its_oldest_version_and_extra() -> None:
    table = page("docs/databases.md")
    for dialect in dialects().values():
        oldest = ".".join(map(str, dialect.minimum_version))
        install = f"`pip install 'incremental-assets[{dialect.extra}]'`"
        assert f"| {dialect.title} {oldest} and later | {install} |" in table
        assert f"`{dialect.name}`" in prose(page(CONNECTIONS))


def test_every_dialect_has_an_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert {dialect.extra for dialect in dialects().values()} <= set(
        project["optional-dependencies"]
    )


def test_the_public_names_are_documented() -> None:
    table = section("docs/dagster.md", "## Public names")

    assert first_column(table) == [f"`{name}`" for name in incremental_assets.PUBLIC]


def test_the_rooms_are_documented_in_the_order_of_their_imports() -> None:
    cells = first_column(section(DEVELOPING, "## The rooms"))
    rows = [re.findall(r"`(.*?)`", cell) for cell in cells]

    assert rows == [[name.removeprefix("incremental_assets.") for name in names] for names in ORDER]


def test_the_folders_of_the_tests_are_documented() -> None:
    named = re.findall(r"`tests/(\w+)`", section(DEVELOPING, "## The tests"))
    folders = {path.relative_to(ROOT / "tests").parts[0] for path in ROOT.glob("tests/*/**/*.py")}

    assert set(named) == folders


@pytest.mark.parametrize("path", PAGES)
def test_every_link_leads_somewhere(path: str) -> None:
    for link in links(page(path)):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (ROOT / path).parent / file if file else ROOT / path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text()), link


def test_the_pages_have_links() -> None:
    assert len([link for path in PAGES for link in links(page(path))]) > 50


@pytest.mark.parametrize("path", PAGES)
def test_every_file_of_ours_that_is_named_is_there(path: str) -> None:
    text = prose(page(path))
    named = re.findall(r"`((?:tests|incremental_assets|resources|docs)/[\w./-]+)`", text)

    assert [name for name in named if not (ROOT / name).exists()] == []


def test_a_new_home_gets_the_settings_of_the_project() -> None:
    ours = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    packaged = yaml.safe_load(
        (ROOT / "incremental_assets" / "instance" / "instance.yaml").read_text()
    )

    assert packaged.items() <= ours.items()
    assert ours.keys() - packaged.keys() == {"storage", "compute_logs", "local_artifact_storage"}
