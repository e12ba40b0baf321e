"""What of a URL is never repeated, and what a message says without it."""

import pytest
from sqlalchemy import make_url

from incremental_resources.source.dialect import PASSWORD_WITH_AT, parse_url
from incremental_resources.source.errors import CapabilityMissing
from incremental_resources.source.secrets import UNSAID, holds, secrets_of, without


def secrets(text: str) -> frozenset[str]:
    return secrets_of(make_url(text), text)


def test_a_password_is_known_in_every_spelling() -> None:
    found = secrets("postgresql://reader:p%40s%2fs+%C3%BC@h/d")
    assert {"p@s/s+ü", "p%40s%2fs+%C3%BC", "p%40s%2Fs%2B%C3%BC"} <= found


@pytest.mark.parametrize(
    ("option", "secret"),
    [
        ("password=word1", "word1"),
        ("sslpassword=w%2Ford", "w/ord"),
        ("options=-c%20a.b%3Dword2", "word2"),
        ("anything=word3", "word3"),
        ("token=a&token=word4", "word4"),
    ],
)
def test_an_option_that_may_be_secret_counts_as_one(option: str, secret: str) -> None:
    assert secret in secrets(f"postgresql://h/d?{option}")


def test_places_and_ways_are_no_secrets() -> None:
    assert secrets("postgresql://reader@h/d?host=/tmp&sslmode=require&connect_timeout=5") == set()


def test_a_password_that_is_a_name_shown_anyway_is_shown_as_that() -> None:
    assert secrets("postgresql://shop:shop@h/d") == set()


@pytest.mark.parametrize(
    ("secret", "text", "held"),
    [
        ("log", "login failed", False),
        ("log", 'invalid value "log"', True),
        ("a", "a server", True),
        ("@x", "reader@x", True),
        ("longsecret", "notlongsecretatall", True),
        ("(", "connection (failed", True),
    ],
)
def test_a_short_secret_inside_a_longer_word_is_that_word(
    secret: str, text: str, held: bool
) -> None:
    assert holds(text, [secret]) is held


def test_the_words_that_hold_a_secret_are_left_out_and_leave_no_hole() -> None:
    words = ["no value log here"]
    told = without("It failed: no value log here. Fix it.", words, frozenset({"log"}))
    assert told == f"It failed: {UNSAID}. Fix it."
    assert without("It failed: log", words, frozenset({"log"})) == UNSAID
    assert without("It failed: x", ["login"], frozenset({"log"})) == "It failed: x"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://reader:p@ss@h/d",
        "postgresql://reader:p@ss/word@h/d",
        "postgresql://reader:p@s?s@h/d",
    ],
)
def test_a_password_with_an_at_is_not_taken_for_a_host(url: str) -> None:
    assert PASSWORD_WITH_AT.match(url)
    with pytest.raises(CapabilityMissing, match="more than one @") as caught:
        parse_url(url)
    assert not [part for part in ("ss@", "ss/word", "s?s") if part in str(caught.value)]


@pytest.mark.parametrize(
    ("url", "user", "host", "database"),
    [
        ("postgresql://me@corp:pw@h/d", "me@corp", "h", "d"),
        ("sqlite:////a@b/c@d.db", None, None, "/a@b/c@d.db"),
    ],
)
def test_an_at_elsewhere_is_none_of_a_password(
    url: str, user: str | None, host: str | None, database: str
) -> None:
    found = parse_url(url)
    assert (found.username, found.host or None, found.database) == (user, host, database)
