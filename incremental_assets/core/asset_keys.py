"""Names of other people's objects as parts of an asset key: readable, reversible, never the same.

Dagster takes any text in a key, but its pages and its selection syntax join the parts with "/",
give ``\\``, ``"`` and ``*`` a meaning, and decode ``%`` once too often. Which assets there are is
decided in lineage.
"""

import unicodedata
from urllib.parse import unquote

SIGN = "~"
# What separates, escapes, quotes or stands for other names somewhere in Dagster, and our own sign.
SPECIAL = frozenset(f'/\\"*%{SIGN}')
# Control, format and surrogate characters, and line breaks: whatever cannot be seen in a name.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Browsers take these for directories, in the address of a page.
DOTS = frozenset({".", ".."})


def key_part(name: str) -> str:
    """``name``, special and unseen characters written as ``~`` and hexadecimal UTF-8 bytes.

    An empty name, which SQLite allows, is ``~`` alone; no other name is written so.
    """
    if name in DOTS:
        return "".join(map(_encoded, name))
    return "".join(_encoded(one) if _is_special(one) else one for one in name) or SIGN


def name_of(part: str) -> str:
    """The name that ``key_part`` wrote."""
    return "" if part == SIGN else unquote(part.replace(SIGN, "%"), errors="surrogatepass")


def _is_special(one: str) -> bool:
    return one in SPECIAL or unicodedata.category(one) in UNSEEN


def _encoded(one: str) -> str:
    return "".join(f"{SIGN}{byte:02X}" for byte in one.encode("utf-8", "surrogatepass"))
