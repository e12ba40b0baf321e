"""What the suites over all products share: a live database, a source, a place for broken SQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from incremental_resources.source.dialect import Dialect, dialects
from incremental_resources.source.source import Source
from tests.sources import SOURCES, Live, catalogue


@pytest.fixture(params=SOURCES)
def live(request: pytest.FixtureRequest) -> Live:
    """The known catalogue in every product; ``parametrize("live", …, indirect=True)`` chooses."""
    live = SOURCES[request.param](request)
    live.ddl(*catalogue(request.param))
    return live


@pytest.fixture
def source(live: Live) -> Iterator[Source]:
    with live.source() as source:
        yield source


@pytest.fixture(params=dialects())
def dialect(request: pytest.FixtureRequest) -> Dialect:
    return dialects()[request.param]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a copy of a dialect's folder can be put and imported from."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / tmp_path.name
