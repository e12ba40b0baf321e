"""The JSON schema of connections.yaml: equal to the models, and what an editor makes of a file."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import jsonschema
import pytest
import yaml

from incremental_assets.config.loading import TEMPLATE
from incremental_assets.config.schema import FILE, json_schema, modeline, schema_text

URL = "postgresql://reader@db/shop"
LEAST = {"connections": [{"name": "shop", "url": URL}]}


def problems(document: Any) -> list[str]:
    validator = jsonschema.Draft7Validator(json_schema())
    return [error.message for error in validator.iter_errors(document)]


def connection(**keys: Any) -> dict[str, Any]:
    return {"connections": [{"name": "shop", "url": URL, **keys}]}


def test_the_file_that_is_shipped_is_what_the_models_say() -> None:
    assert FILE.read_text(encoding="utf-8") == schema_text()


def test_it_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(json_schema())


def everything_uncommented() -> str:
    """The template with every default written out; prose stays a comment."""
    lines = []
    for line in TEMPLATE.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        body = line.strip().removeprefix("# ")
        key = body.split(":")[0]
        is_setting = (
            line.strip().startswith("# ") and key.replace("_", "").isalnum() and ": " in body
        )
        lines.append(indent + body if indent == "      " and is_setting else line)
    return "\n".join(lines)


@pytest.mark.parametrize(
    "document",
    [
        LEAST,
        yaml.safe_load(TEMPLATE),
        yaml.safe_load(everything_uncommented()),
        connection(include={"^shop$": ["public"], "other": "*"}, exclude={"x": []}),
        connection(entities=["databases", "schemas", "tables"], owners=["team:data"]),
        connection(lineage={"include": {}, "limit": "${LIMIT}"}, options=None),
        connection(lineage={"key_prefix": [], "key_parts": ["table"], "group_by": "schema"}),
        connection(options={"batch_tables": "${TABLES}", "exclude_views": True, "fan_out": None}),
        {"connections": [{"name": "shop", "url_file": "./secret"}]},
        {"state": "s3://bucket/prefix", "s3": {"region": "eu-central-1"}, **LEAST},
    ],
)
def test_what_the_program_takes_an_editor_takes(document: Any) -> None:
    assert problems(document) == []


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"connections": [{"name": "shop"}]},
        connection(url_file="./secret"),
        connection(embedded=True),
        connection(inclde={}),
        connection(options={"batch_tables": 0}),
        connection(options={"batch_tables": "many"}),
        connection(options={"fan_out": "everywhere"}),
        connection(entities=["views"]),
        connection(include={"shop": "public"}),
        {"base": ".", **LEAST},
    ],
)
def test_what_the_program_refuses_an_editor_marks(document: Any) -> None:
    assert problems(document) != []


def test_the_first_line_of_a_file_leads_to_the_schema(tmp_path: Path) -> None:
    line = modeline(tmp_path / "connections.yaml")

    prefix = "# yaml-language-server: $schema="
    assert line.startswith(prefix)
    assert Path(line.removeprefix(prefix).rstrip("\n")).read_text() == schema_text()


def test_the_path_is_relative_where_the_package_lies_below_the_file() -> None:
    project = Path(str(FILE)).parents[2]

    line = modeline(project / "connections.yaml")

    path = line.partition("=")[2].rstrip("\n")
    assert not Path(path).is_absolute()
    assert (project / path).read_text() == schema_text()


def test_a_path_with_a_space_is_written_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "My Projects" / "connections.schema.json"
    shipped.parent.mkdir()
    shipped.write_text(schema_text())
    monkeypatch.setattr("incremental_assets.config.schema.FILE", shipped)

    line = modeline(tmp_path / "shop" / "connections.yaml")

    # As yaml-language-server finds it in the line.
    (path,) = re.findall(r"\$schema=(\S+)", line)
    assert Path(url2pathname(urlsplit(path).path)).read_text() == schema_text()
