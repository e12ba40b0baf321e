"""What a pin says of a server that answers after another start than the one it was pinned to."""

from types import SimpleNamespace
from typing import Any

import pytest

from incremental_assets.core.marker import restarted
from incremental_assets.steps.committing import source_to_keep
from incremental_assets.steps.listing import note_starts
from incremental_resources.source.errors import SourceUnavailable
from incremental_resources.source.pinning import Pin


def facts(start: str, wal: int, server: str = "s") -> dict[str, Any]:
    return {"identity": {"server": server}, "position": {"wal": wal}, "restart": {"started": start}}


def test_one_start_is_told_of_with_the_furthest_position() -> None:
    pin = Pin(facts("t1", 100))
    pin.passed(facts("t1", 120))

    assert pin.reached == facts("t1", 120)


@pytest.mark.parametrize("order", [["t2"], ["t2", "t1"], ["t1", "t2"]])
def test_after_two_starts_no_later_refresh_trusts_the_tokens(order: list[str]) -> None:
    pin = Pin(facts("t1", 100))
    for position, start in enumerate(order, start=101):
        pin.passed(facts(start, position))

    assert "restart" not in pin.reached
    for start in ("t1", "t2"):
        assert restarted(pin.reached, facts(start, 200)) is not None


def test_a_product_that_tells_no_start_is_taken_at_its_word() -> None:
    known = {"identity": {"server": "s"}, "position": {"wal": 1}}
    pin = Pin(known)
    pin.passed({**known, "position": {"wal": 2}})

    assert pin.reached == {"identity": {"server": "s"}, "position": {"wal": 2}}


@pytest.mark.parametrize("found", [facts("t1", 99), facts("t1", 101, server="other")])
def test_a_server_that_is_behind_or_another_one_is_refused(found: dict[str, Any]) -> None:
    with pytest.raises(SourceUnavailable):
        Pin(facts("t1", 100)).passed(found)


def test_a_batch_of_another_start_leaves_the_head_without_one() -> None:
    files: dict[str, Any] = {}
    extraction = SimpleNamespace(
        write_json=lambda name, content: files.setdefault(name, content),
        exists_json=lambda name: name in files,
    )
    record = {"source": facts("t1", 100), "mode": "full", "marker": "2026-01-31T12:00:00+00:00"}
    step: Any = SimpleNamespace(extraction=extraction, record=record, base_head=None)
    assert "restart" in source_to_keep(step)

    pin = Pin(facts("t1", 100))
    pin.passed(facts("t2", 101))
    note_starts(step, pin)  # type: ignore[arg-type]

    assert "restart" not in source_to_keep(step)
