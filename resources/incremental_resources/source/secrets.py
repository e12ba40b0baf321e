"""What in a URL must never be repeated, and messages without it.

A secret is not crossed out where it stands: the hole would tell which word it was. The words that
hold it are left out as a whole. What the messages say otherwise is decided elsewhere.
"""

import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from sqlalchemy import URL

UNSAID = "(the driver's own words are not shown: they hold a secret of the url)"
# Of all options that a URL may carry, these name places and ways, and are never secret.
HARMLESS = frozenset(
    {
        *("host", "hostaddr", "port", "dbname", "user", "sslmode", "channel_binding"),
        *("connect_timeout", "application_name", "target_session_attrs", "gssencmode"),
        *("client_encoding", "keepalives", "mode", "uri", "cache", "timeout", "charset"),
        *("attach", "secure", "verify"),
    }
)
# Secrets so long do not turn up in a longer word by chance.
LONG = 8
# An option may hold settings of its own: options=-c%20a.b=secret.
PARTS = re.compile(r"[\s=,;&]+")


def secrets_of(url: URL, written: str | None = None) -> frozenset[str]:
    """Every form in which a secret of ``url`` may turn up: plain, encoded, as it is ``written``."""
    found = {str(url.password or ""), *_of_options(url)}
    if written is not None:
        found |= set(_as_written(written))
    encoded = {form(secret) for secret in found for form in (_quoted, quote_plus)}
    # A name is shown anyway; that it is the password as well does not show.
    return frozenset(found | encoded) - {"", url.username, url.database}


def _of_options(url: URL) -> Iterator[str]:
    for name, given in url.query.items():
        for value in (given,) if isinstance(given, str) else given:
            if name.lower() not in HARMLESS:
                yield value
                # A setting's name in front of the value is no secret.
                yield from (part for part in PARTS.split(value)[1:] if not part.startswith("-"))


def _as_written(text: str) -> Iterator[str]:
    """The password and the options in the spelling of the URL's text."""
    authority = re.match(r"[\w+]+://[^:/]*:([^@]*)@", text)
    if authority:
        yield authority[1]
        yield unquote(authority[1])
    for pair in text.partition("?")[2].split("&"):
        name, _, value = pair.partition("=")
        if unquote_plus(name).lower() not in HARMLESS:
            yield value


def _quoted(text: str) -> str:
    return quote(text, safe="")


def holds(text: str, secrets: Iterable[str]) -> bool:
    """Whether a secret stands in ``text``; a short one that is only a part of words does not."""
    return any(
        secret in text if len(secret) >= LONG else _by_itself(secret).search(text)
        for secret in secrets
    )


def _by_itself(secret: str) -> re.Pattern[str]:
    before = r"(?<!\w)" if re.match(r"\w", secret) else ""
    after = r"(?!\w)" if re.search(r"\w\Z", secret) else ""
    return re.compile(before + re.escape(secret) + after)


def without(message: str, words: Iterable[str], secrets: frozenset[str]) -> str:
    """``message``, which may repeat somebody's ``words``, without those that hold a secret."""
    telling = sorted((word for word in words if holds(word, secrets)), key=len, reverse=True)
    for word in telling:
        if word in message:
            return message.replace(word, UNSAID)
    return UNSAID if telling else message
