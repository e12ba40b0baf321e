"""Games of random DDL: how many are played, and what every one begins with.

Each run of the tests plays the same games, so that a change that has nothing to do with a law
cannot fail it, and a failure can be played again. ``LAWS_GAMES=300`` plays that many new ones.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

import psycopg
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.ddl import clear

ASKED = os.environ.get("LAWS_GAMES")


def play_games(game: Callable[[Random], None], *, games: int) -> None:
    """Play ``game`` a number of times; new games get a source of chance that can be simplified."""
    rules = settings(
        max_examples=int(ASKED or games),
        derandomize=ASKED is None,
        database=None,
        deadline=None,
        # A game takes seconds: finding the shortest that fails would take many minutes.
        phases=[Phase.generate, Phase.shrink] if ASKED else [Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    chance = st.randoms(use_true_random=ASKED is None)
    rules(given(random=chance)(game))()


@contextmanager
def player(url: str) -> Iterator[psycopg.Connection]:
    """A session for DDL, in which nothing is found without its schema; leaves nothing behind."""
    with psycopg.connect(url, autocommit=True, options="-c search_path=") as connection:
        try:
            yield connection
        finally:
            clear(connection)
