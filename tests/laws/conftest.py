"""How many games of random DDL a law is played through."""

import pytest


@pytest.fixture(params=[2, pytest.param(12, marks=pytest.mark.campaign)])
def games(request: pytest.FixtureRequest) -> int:
    """The few are the first of the many."""
    return int(request.param)
