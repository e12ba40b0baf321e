"""Names of other people's objects as parts of an asset key: readable, reversible, never the same.

Dagster takes any text in a key, but its pages and its selection syntax join the parts with "/" and
give ``\\``, ``"`` and ``*`` a meaning. Which assets there are is decided in lineage.
"""

import unicodedata
from urllib.parse import unquote

# What separates, escapes, quotes or stands for other names somewhere in Dagster, and our own sign.
SPECIAL = frozenset('/\\"*%')
# Control, format and surrogate characters, and line breaks: whatever cannot be seen in a name.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# An empty name, which SQLite allows; no other name is written so.
EMPTY = "%"


def key_part(name: str) -> str:
    """``name`` with special and unseen characters percent-encoded (UTF-8); others stay."""
    if not name:
        return EMPTY
    return "".join(_encoded(one) if _is_special(one) else one for one in name)


def name_of(part: str) -> str:
    """The name that ``key_part`` wrote."""
    return "" if part == EMPTY else unquote(part, errors="surrogatepass")


def _is_special(one: str) -> bool:
    return one in SPECIAL or unicodedata.category(one) in UNSEEN


def _encoded(one: str) -> str:
    return "".join(f"%{byte:02X}" for byte in one.encode("utf-8", "surrogatepass"))
