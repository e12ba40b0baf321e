"""What all tests may ask for: a PostgreSQL server, and a new database on it."""

import os
from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from tests.postgres_server import running_server, temporary_database


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A superuser's URL, to the database ``postgres`` of a server of our own.

    ``TEST_POSTGRES_URL`` names another server instead, of another version, say.
    """
    given = os.environ.get("TEST_POSTGRES_URL")
    with nullcontext(given) if given else running_server() as url:
        yield url


@pytest.fixture
def fresh_database(postgres_url: str) -> Iterator[str]:
    """The URL of a new, empty database that is gone after the test."""
    with temporary_database(postgres_url) as url:
        yield url
