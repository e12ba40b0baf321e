"""README and docs as the tests see them: pages, blocks, sections, links, and tables of models.

``python -m tests.documents`` writes the tables of docs/connections.md and docs/sinks.md anew.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from incremental_assets import Config, Connection, Lineage, Options, WatchRule
from incremental_assets.config.sinks import SinkConfig
from incremental_resources.sinks.kinds import OURS, kind_named
from incremental_resources.sinks.parquet.table import COLUMNS, SCHEMA

ROOT = Path(__file__).parents[1]
CONNECTIONS = "docs/connections.md"
SINKS = "docs/sinks.md"
MODELS: dict[str, type[BaseModel]] = {
    "Config": Config,
    "S3Settings": Config.model_fields["s3"].annotation,
    "Connection": Connection,
    "Options": Options,
    "Lineage": Lineage,
    "WatchRule": WatchRule,
    "SinkConfig": SinkConfig,
    **{name: kind_named(name).options for name in OURS},
}
# Where the keys of a key that is a mapping, or a list of them, are documented.
PLACES = {
    "s3": "a mapping, see [below](#s3)",
    "options": "a mapping, see [Options](#options)",
    "lineage": "a mapping, see [Lineage](#lineage)",
    "watch": "a list, see [Watch rules](#watch-rules)",
    "sinks": "a list, see [Sinks](sinks.md)",
}
FENCE = re.compile(r"^(```+)(\w*)\n(.*?)^\1$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page; ``page`` is its path below the root."""

    page: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}: {self.text.partition(chr(10))[0][:40]}"


def pages() -> dict[str, str]:
    """Path below the root -> text, of README, changelog and docs."""
    paths = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    return {path.relative_to(ROOT).as_posix(): path.read_text() for path in sorted(paths)}


def page(path: str) -> str:
    """The text of one page, whose ``path`` begins at the root."""
    return (ROOT / path).read_text()


def blocks(language: str) -> list[Block]:
    """All blocks of a language, on all pages; "" is those that name none."""
    return [
        Block(path, found[2], found[3])
        for path, text in pages().items()
        for found in FENCE.finditer(text)
        if found[2] == language
    ]


def block(path: str, language: str, containing: str) -> str:
    """The one block of a page that contains this."""
    (found,) = (one.text for one in blocks(language) if one.page == path and containing in one.text)
    return found


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", text)


def section(path: str, heading: str) -> str:
    """What stands below a heading, up to the next heading of any level."""
    _, found, rest = page(path).partition(f"\n{heading}\n")
    assert found, f"{path} has no heading {heading}"
    return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def first_column(text: str) -> list[str]:
    """The first cells of the table rows in ``text``, but its head and line."""
    return re.findall(r"^\| (.*?) \|", text, re.MULTILINE)[1:]


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", prose(text), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def links(text: str) -> list[str]:
    """The targets of a page's links and pictures."""
    return re.findall(r"\]\(\s*([^)\s]+)[^)]*\)", prose(text))


def reference(model: type[BaseModel]) -> str:
    """A table of the keys that a file may hold, with default, allowed values and meaning."""
    schema = model.model_json_schema()
    rows = [
        f"| `{name}` | {_default(name, one, schema)} | {_allowed(name, one)} "
        f"| {one['description']} |"
        for name, one in schema["properties"].items()
        if not one.get("internal")
    ]
    return "\n".join(["| key | default | allowed | meaning |", "|---|---|---|---|", *rows])


def columns_of(kind: str) -> str:
    """A table of the columns of what a kind of sinks writes."""
    assert kind == "parquet"
    rows = [f"| `{name}` | {SCHEMA[name]} | {meaning} |" for name, meaning in COLUMNS.items()]
    return "\n".join(["| column | type | meaning |", "|---|---|---|", *rows])


def mapping_of(kind: str) -> str:
    """A table of what a kind makes of the state, from the module that maps."""
    module = "entities" if kind == "atlan" else "proposals" if kind == "datahub" else "events"
    mapping = import_module(f"incremental_resources.sinks.{kind}.{module}").MAPPING
    rows = [f"| {ours} | {theirs} |" for ours, theirs in mapping]
    return "\n".join([f"| the state | {kind} |", "|---|---|", *rows])


def written(text: str) -> str:
    """A page with its tables of models as they are now."""
    text = re.sub(
        r"<!-- mapping: (\w+) -->\n.*?<!-- end -->",
        lambda found: f"<!-- mapping: {found[1]} -->\n{mapping_of(found[1])}\n<!-- end -->",
        text,
        flags=re.DOTALL,
    )
    text = re.sub(
        r"<!-- columns: (\w+) -->\n.*?<!-- end -->",
        lambda found: f"<!-- columns: {found[1]} -->\n{columns_of(found[1])}\n<!-- end -->",
        text,
        flags=re.DOTALL,
    )
    return re.sub(
        r"<!-- table: (\w+) -->\n.*?<!-- end -->",
        lambda found: f"<!-- table: {found[1]} -->\n{reference(MODELS[found[1]])}\n<!-- end -->",
        text,
        flags=re.DOTALL,
    )


def _default(name: str, field: dict[str, Any], schema: dict[str, Any]) -> str:
    if name in schema.get("required", ()):
        return "required"
    default = field.get("default")
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, float) and default.is_integer():
        return str(int(default))
    if isinstance(default, str):
        return f"`{default}`"
    if isinstance(default, list) and default:
        return ", ".join(f"`{one}`" for one in default)
    return "" if default in (None, [], {}) else str(default)


def _allowed(name: str, field: dict[str, Any]) -> str:
    if name in PLACES:
        return PLACES[name]
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if "allowed" in field:
        return str(field["allowed"])
    if "$ref" in field:
        return "a mapping"
    # One that may be left out is a choice of its kind and null.
    field = next((one for one in field.get("anyOf", ()) if one.get("type") != "null"), field)
    kinds = {"boolean": "true or false", "integer": "a whole number", "number": "a number"}
    return " ".join([kinds[field["type"]], *_bounds(field)])


def _bounds(field: dict[str, Any]) -> Iterator[str]:
    words = {"exclusiveMinimum": "above", "minimum": "from", "maximum": "to"}
    return (f"{word} {field[name]:,}" for name, word in words.items() if name in field)


if __name__ == "__main__":
    for path in (CONNECTIONS, SINKS):
        (ROOT / path).write_text(written(page(path)))
