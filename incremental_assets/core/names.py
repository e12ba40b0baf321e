"""Names of other people's objects for people to read: no two of them look alike.

How a terminal is kept safe from other text is decided in the command line.
"""

import json
import re
from collections.abc import Iterable

PLAIN_NAME = re.compile(r"\w(?:[\w$# -]*[\w$#])?")


def named(part: str) -> str:
    """One name; in quotes, as JSON has them, unless it is plain."""
    if PLAIN_NAME.fullmatch(part) and part.isprintable():
        return part
    return "".join(map(visible, json.dumps(part, ensure_ascii=False)))


def path_of(parts: Iterable[str]) -> str:
    """Names joined by dots; a name that holds a dot is in quotes."""
    return ".".join(map(named, parts))


def visible(one: str) -> str:
    r"""One character as it is if it can be printed, else ``\u001b``, as JSON has it."""
    return one if one.isprintable() else json.dumps(one)[1:-1]
