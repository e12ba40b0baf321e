"""JSON of the state: times, formats, what cannot be read."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from incremental_resources.state_store.documents import dump_json, load_json, moment_text
from incremental_resources.state_store.errors import StateCorrupt, StateTooNew
from incremental_resources.state_store.head import Head

HEAD = Head(
    version=1,
    manifest="versions/1/manifest.json",
    sha256="00",
    marker=datetime(2026, 1, 31, 12, tzinfo=UTC),
    probe=None,
    extraction="e1",
    source={"identity": {"id": "ä"}, "position": {"xid": 2**80}},
)


def test_a_document_reads_back_as_it_was_written():
    assert Head.from_bytes(HEAD.to_bytes(), "HEAD") == HEAD
    assert Head.from_bytes(HEAD.to_bytes(indent=2), "HEAD") == HEAD


def test_times_have_microseconds_and_a_z():
    assert b'"marker":"2026-01-31T12:00:00.000000Z"' in HEAD.to_bytes()
    east = timezone(timedelta(hours=5, minutes=30))
    assert moment_text(datetime(2026, 1, 1, 2, 0, 0, 7, tzinfo=east)) == (
        "2025-12-31T20:30:00.000007Z"
    )


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValidationError, match="with its zone"):
        Head(**{**dict(HEAD), "marker": datetime(2026, 1, 1)})  # noqa: DTZ001 - what is refused
    with pytest.raises(ValueError, match="with its zone"):
        moment_text(datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused


def test_a_document_is_frozen():
    with pytest.raises(ValidationError):
        HEAD.version = 2


def test_what_cannot_be_read_names_the_file_and_the_place():
    with pytest.raises(StateCorrupt, match=r"shop/HEAD cannot be read \(revision"):
        Head.from_bytes(HEAD.to_bytes().replace(b'"revision":0', b'"revision":"x"'), "shop/HEAD")
    with pytest.raises(StateCorrupt, match="shop/HEAD cannot be read"):
        load_json(HEAD.to_bytes()[:-20], "shop/HEAD")


def test_a_newer_format_is_not_called_damage():
    with pytest.raises(StateTooNew, match="format 9"):
        Head.from_bytes(b'{"format": 9, "everything": "else"}', "HEAD")


def test_only_what_json_knows_is_stored():
    assert dump_json({"at": datetime(2026, 1, 1, tzinfo=UTC)}) == (
        b'{"at":"2026-01-01T00:00:00.000000Z"}\n'
    )
    with pytest.raises(TypeError, match="set cannot be stored"):
        dump_json({"x": {1}})
