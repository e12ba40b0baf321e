"""Names and texts of other people's objects for people to read: printable, on one line.

No two names look alike. What means something to the markup of a terminal or a page stays.
"""

import json
import re
from collections.abc import Iterable

PLAIN_NAME = re.compile(r"\w(?:[\w$# -]*[\w$#])?")


def named(part: str) -> str:
    """One name; in quotes, as JSON has them, unless it is plain."""
    if PLAIN_NAME.fullmatch(part) and part.isprintable():
        return part
    return "".join(map(_visible, json.dumps(part, ensure_ascii=False)))


def path_of(parts: Iterable[str]) -> str:
    """Names joined by dots; a name that holds a dot is in quotes."""
    return ".".join(map(named, parts))


def parts_of(path: str) -> list[str]:
    """The names in a path as ``path_of`` writes it.

    Raises:
        ValueError: a quoted name does not end, or a name is empty.
    """
    parts, rest = [], path
    while True:
        if rest.startswith('"'):
            name, length = json.JSONDecoder().raw_decode(rest)
            rest = rest[length:]
            if rest and not rest.startswith("."):
                raise ValueError(f"{rest!r} follows a quoted name")
            more, rest = bool(rest), rest[1:]
        else:
            name, dot, rest = rest.partition(".")
            more = bool(dot)
        if not name:
            raise ValueError("a name is empty")
        parts.append(name)
        if not more:
            return parts


def escaped(text: str) -> str:
    r"""``text`` without control characters, line breaks and invisible marks: ``\u001b`` instead.

    JSON stays the JSON it was.
    """
    if text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(one: str) -> str:
    return one if one.isprintable() else json.dumps(one)[1:-1]
