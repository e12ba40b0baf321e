"""Tables in the UI: what a database's names say stays text there."""

import polars as pl

from incremental_assets.metadata import SHOWN_ROWS, table_of


def test_a_frame_becomes_a_markdown_table() -> None:
    frame = pl.DataFrame({"table": ["orders"], "change": ["UPDATED"]})

    assert table_of(frame).value == "| table | change |\n| --- | --- |\n| orders | UPDATED |"


def test_no_rows_are_told_as_such() -> None:
    assert table_of(pl.DataFrame({"table": []})).value == "_none_"


def test_names_cannot_break_out_of_their_cell() -> None:
    hostile = "a|b\n<script>alert(1)</script> [x](javascript:1) ![i](http://h) `c` \x1b[31m"

    row = table_of(pl.DataFrame({"table": [hostile]})).value.splitlines()[2]

    assert row.replace("\\|", "").count("|") == 2
    assert "<" not in row
    assert "](" not in row.replace("\\]\\(", "")
    assert "\x1b" not in row


def test_long_values_and_long_frames_are_cut() -> None:
    text = table_of(pl.DataFrame({"comment": ["x" * 1_000_000] * (SHOWN_ROWS + 5)})).value

    assert len(text) < 130 * (SHOWN_ROWS + 4)
    assert text.endswith("_and 5 more_")
