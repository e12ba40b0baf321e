"""Values survive their way through JSON text."""

import json
from datetime import UTC, datetime

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from incremental_assets.core.entities import BOOL, INT32, INT64, TEXT, TIME
from incremental_assets.core.json_text import (
    decode_object,
    decode_value,
    encode_object,
    encode_value,
)

SCHEMA = {"text": TEXT, "small": INT32, "big": INT64, "flag": BOOL, "time": TIME}
HOSTILE = ['"', "\\", "a\nb\t\0", "😀\u2028", "null", "", "{}", '{"v":1}', "ä", "%s ${x}", "}"]

rows = st.lists(
    st.tuples(
        st.none() | st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs"])),
        st.none() | st.integers(-(2**31), 2**31 - 1),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.booleans(),
        st.none() | st.datetimes(timezones=st.just(UTC)),
    ),
    max_size=5,
)


@settings(deadline=None)
@given(rows)
def test_every_value_of_every_dtype_comes_back(values):
    frame = pl.DataFrame(values, schema=SCHEMA, orient="row")
    assert_frame_equal(decode_object(encode_object(frame, SCHEMA), SCHEMA), frame)
    for name, dtype in SCHEMA.items():
        texts = encode_value(frame[name])
        assert decode_value(texts, dtype).equals(frame[name])
        assert [json.loads(text) for text in texts] == [
            None if value is None else _plain(value) for value in frame[name]
        ]


def _plain(value):
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    return value


def test_times_are_written_in_iso_8601_with_microseconds():
    moment = datetime(2026, 1, 31, 12, 0, 0, 5, tzinfo=UTC)
    texts = encode_value(pl.Series([moment, None], dtype=TIME))
    assert texts.to_list() == ['"2026-01-31T12:00:00.000005Z"', "null"]
