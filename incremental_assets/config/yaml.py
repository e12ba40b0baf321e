"""A configuration file as plain values: YAML with unique keys, environment variables filled in.

What the values mean is not known here. Excerpts of the file are never part of a message: they could
hold a password.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from incremental_assets.config.errors import KEY, Loc, shown

VARIABLE = re.compile(r"\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)\})?")
# The parser repeats names from the file between quotes; its own words there are '<scalar>' or ']'.
QUOTED = re.compile(r"""(['"])(.*?)\1""")
DEEPEST = 20  # far more than any configuration needs; a value that holds itself is deeper


class Unreadable(Exception):
    """The text is not YAML; the message says where and why, without an excerpt."""


class _Loader(yaml.SafeLoader):
    """Remembers doubled keys in ``problems``; dates stay text."""

    yaml_implicit_resolvers = {
        first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:timestamp"]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.problems: list[str] = []

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            line = key.start_mark.line + 1
            if key.value in lines:
                self.problems.append(
                    f"line {line}: the key {shown(key.value)} is there already, "
                    f"on line {lines[key.value]}; keep one of them"
                )
            lines.setdefault(key.value, line)
        return node


def parse(text: str) -> tuple[Any, list[str]]:
    """The document and its doubled keys, one line each.

    Raises:
        Unreadable: it is not YAML.
    """
    try:
        loader = _Loader(text)
        document = loader.get_single_data()
        _check_depth(document, DEEPEST)
        return document, loader.problems
    except yaml.MarkedYAMLError as error:
        reason = _reason(error, text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        reason = f"line {line}: a character that YAML does not allow"
    except (RecursionError, ValueError):
        reason = "a value is out of range or nested too deeply; put quotes around texts"
    raise Unreadable(reason)


def _reason(error: yaml.MarkedYAMLError, text: str) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
    what = "; ".join(part for part in (error.context, error.problem) if part)
    line = text.splitlines()[mark.line : mark.line + 1] if mark else []
    hint = ". In { } put quotes around ${NAME}" if line and "${" in line[0] else ""
    return f"{where}: {QUOTED.sub(_without_names, what)}{hint}"


def _without_names(quoted: re.Match[str]) -> str:
    own = len(quoted[2]) == 1 or quoted[2].startswith("<")
    return quoted[0] if own else "(not shown)"


def _check_depth(value: Any, left: int) -> None:
    if not left:
        raise RecursionError
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in inner:
        _check_depth(item, left - 1)


@dataclass
class Substitution:
    """Fills ``${NAME}`` in every text of a document from ``environ``; ``$${`` stands for ``${``.

    ``written`` keeps the texts that changed as they stand in the file, by place, so that a message
    can repeat those. ``problems`` holds what could not be filled in.
    """

    environ: Mapping[str, str]
    written: dict[Loc, str] = field(default_factory=dict)
    problems: dict[Loc, str] = field(default_factory=dict)

    def fill(self, value: Any, loc: Loc = ()) -> Any:
        match value:
            case str():
                return self._text(value, loc)
            case list():
                return [self.fill(item, (*loc, index)) for index, item in enumerate(value)]
            case dict():
                return self._mapping(value, loc)
        return value

    def _mapping(self, mapping: dict[Any, Any], loc: Loc) -> dict[Any, Any]:
        filled: dict[Any, Any] = {}
        for key, value in mapping.items():
            name = self._text(key, (*loc, key, KEY)) if isinstance(key, str) else key
            if name != key:
                self.written[*loc, name, KEY] = key
            if name in filled:
                self.problems[*loc, name, KEY] = "is there twice once its variables are filled in"
            filled[name] = self.fill(value, (*loc, name))
        return filled

    def _text(self, text: str, loc: Loc) -> str:
        filled = VARIABLE.sub(lambda found: self._one(found, loc), text)
        if filled != text:
            self.written[loc] = text
        return filled

    def _one(self, found: re.Match[str], loc: Loc) -> str:
        name = found[1]
        if found[0] == "$${":
            return "${"
        if name is None:
            self.problems[loc] = (
                "${ must be followed by the name of an environment variable and }; "
                "write $${ where the text has to hold ${ itself"
            )
        elif name not in self.environ:
            self.problems[loc] = f"the environment variable {name} is not set; set it first"
        return self.environ.get(name, found[0]) if name else found[0]
