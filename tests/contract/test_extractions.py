"""Extractions and their working files, over every kind of store."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from incremental_resources.state_store.errors import (
    ExtractionMissing,
    ObjectExists,
    ObjectMissing,
)
from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.store import StateStore
from tests.states import STORES, opened, refresh, tables


@pytest.fixture(params=STORES)
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return STORES[request.param](tmp_path)


@pytest.fixture
def store(objects: ObjectStore) -> StateStore:
    return StateStore(objects, "shop")


def test_an_extraction_is_recorded_and_found(store):
    extraction = store.open_extraction(
        "20260131T120000Z-abcdef12",
        {"base": None, "mode": "full", "marker": datetime(2026, 1, 31, tzinfo=UTC)},
    )
    assert extraction.state == "open"
    found = store.extraction("20260131T120000Z-abcdef12")
    assert found.record == extraction.record
    assert found.record["connection"] == "shop"
    assert found.record["marker"] == "2026-01-31T00:00:00.000000Z"
    assert found.base is None


def test_an_extraction_remembers_its_base(store):
    base = refresh(store, "e1", "a")
    opened(store, "e2", base)
    assert store.extraction("e2").base == base


def test_extractions_are_listed_oldest_first(store):
    for id in ("20260201T000000Z-b", "20260131T000000Z-c", "20260301T000000Z-a"):
        opened(store, id)
    assert [one.id for one in store.extractions()] == [
        "20260131T000000Z-c",
        "20260201T000000Z-b",
        "20260301T000000Z-a",
    ]


def test_extractions_of_one_second_are_listed_oldest_first(store):
    for number, id in enumerate(("20260131T000000Z-b", "20260131T000000Z-a")):
        opened_at = f"2026-01-31T00:00:00.{number:06}+00:00"
        store.open_extraction(id, {"opened_at": opened_at, "base": None})
    found = store.extractions()
    assert [one.id for one in found] == ["20260131T000000Z-b", "20260131T000000Z-a"]
    for extraction in found:
        extraction.close("abandoned")
    assert store.prune(1, 1).extractions == ("20260131T000000Z-b",)


def test_an_extraction_is_opened_once(store):
    opened(store, "e1")
    assert opened(store, "e1").id == "e1"  # the very same record: a repeated call
    with pytest.raises(ObjectExists):
        store.open_extraction("e1", {"base": None, "mode": "full"})
    with pytest.raises(ValueError, match="based"):
        store.open_extraction("e2", {})


def test_an_extraction_that_is_not_there_says_what_to_do(store):
    with pytest.raises(ExtractionMissing, match=r"no extraction e9 of shop.*Run shop_refresh"):
        store.extraction("e9")


def test_a_working_file_is_written_once(store):
    extraction = opened(store, "e1")
    assert not extraction.exists("batches/0001")
    first = extraction.write("batches/0001", tables("a", "b"))
    assert extraction.exists("batches/0001")
    assert first.rows == 2
    assert first.bytes > 0
    assert extraction.write("batches/0001", tables("other")) == first
    assert extraction.read("batches/0001").collect()["table"].to_list() == ["a", "b"]


def test_a_frame_that_is_not_needed_is_not_computed(store):
    extraction = opened(store, "e1")
    first = extraction.write("plan", tables("a"))
    computed = []

    def compute(frame: pl.DataFrame) -> pl.DataFrame:
        computed.append(frame)
        return frame

    assert extraction.write("plan", tables("b").lazy().map_batches(compute)) == first
    assert computed == []


def test_of_two_steps_that_write_at_once_the_first_counts(store):
    def write(name: str) -> list[str]:
        extraction = store.extraction("e1")
        extraction.write("plan", tables(name))
        return extraction.read("plan").collect()["table"].to_list()

    opened(store, "e1")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(write, "abcdefgh"))
    assert all(one == found[0] for one in found)


def test_an_empty_frame_keeps_its_columns(store, monkeypatch):
    extraction = opened(store, "e1")
    extraction.write("plan", tables())
    extraction.write("lazy", tables().lazy())
    for name in ("plan", "lazy"):
        assert extraction.read(name).collect().schema == tables().schema


def test_working_files_in_parts_count_once_they_are_complete(store, objects, monkeypatch):
    monkeypatch.setattr("incremental_resources.state_store.parquet.ROWS_PER_FILE", 2)
    extraction = opened(store, "e1")
    extraction.write("state/columns", tables("a", "b", "c").lazy())
    assert extraction.exists("state/columns")
    assert extraction.names() == ["state/columns"]
    objects.delete("shop/extractions/e1/state/columns.parts.json")
    assert not extraction.exists("state/columns")
    assert extraction.names("state") == []
    assert extraction.write("state/columns", tables("d", "e", "f")).rows == 3
    assert extraction.read("state/columns").collect()["table"].to_list() == ["d", "e", "f"]


def test_finished_names_are_listed(store):
    extraction = opened(store, "e1")
    extraction.write("batches/0002", tables())
    extraction.write("batches/0001", tables())
    extraction.write("plan", tables())
    extraction.write_json("refused", {})
    assert extraction.names("batches") == ["batches/0001", "batches/0002"]
    assert extraction.names() == ["batches/0001", "batches/0002", "plan"]


def test_what_was_not_written_is_missing(store):
    extraction = opened(store, "e1")
    with pytest.raises(ObjectMissing, match="plan"):
        extraction.read("plan")
    with pytest.raises(ObjectMissing, match="refused"):
        extraction.read_json("refused")


def test_json_is_written_once(store):
    extraction = opened(store, "e1")
    assert not extraction.exists_json("refused")
    assert extraction.write_json("refused", {"tables": ["ä", "😀"]}) == {"tables": ["ä", "😀"]}
    assert extraction.write_json("refused", {"tables": []}) == {"tables": ["ä", "😀"]}
    assert extraction.read_json("refused") == {"tables": ["ä", "😀"]}
    assert extraction.exists_json("refused")


@pytest.mark.parametrize("name", ["extraction", "columns.parts"])
def test_the_names_an_extraction_needs_itself_are_kept(store, name):
    with pytest.raises(ValueError, match="keeps for itself"):
        opened(store, "e1").write_json(name, {})


def test_an_extraction_is_closed_for_good_once_it_is_committed(store):
    extraction = opened(store, "e1")
    assert extraction.close("abandoned") == "abandoned"
    assert store.extraction("e1").close("committed") == "committed"  # HEAD says so
    assert extraction.close("abandoned") == "committed"
    assert store.extraction("e1").state == extraction.state == "committed"


def test_closing_at_once_ends_in_one_state(store):
    opened(store, "e1")
    states = ["abandoned", "committed"] * 4
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda state: store.extraction("e1").close(state), states))
    assert store.extraction("e1").state == "committed"
