"""Tables in the UI: what a database's names say stays text there."""

import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from incremental_assets.core.names import named
from incremental_assets.steps.metadata import (
    JOINER,
    SHOWN_ROWS,
    as_markdown,
    failed_check,
    inert,
    names_of,
    shortened,
    table_of,
)
from tests.hostile import TEXTS, active, cells, parse, plain


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


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_shown_as_a_text(text: str) -> None:
    frame = pl.DataFrame({"first": ["a"], "second": [text], "third": ["z"]})

    told = table_of(frame).value

    assert active(told) == []
    heading, (first, second, third) = cells(told)
    assert (heading, first, third) == (["first", "second", "third"], "a", "z")
    assert second.replace(JOINER, "") == shortened(text)
    # What viewers find in bare text and make links of.
    assert re.search(r"https?://|www\.|\w@\w|mailto:\w", second) is None


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_any_text_stays_in_its_cell(text: str) -> None:
    told = table_of(pl.DataFrame({"first": [text], "second": ["z"]})).value

    assert active(told) == []
    assert [len(row) for row in cells(told)] == [2, 2]
    assert cells(told)[1][0].replace(JOINER, "") == shortened(text)


@given(st.text("ab1 .,;:-+=_*~`#>!|&<>()[]{}\\/@$^'\"", max_size=12))
def test_any_text_stays_text_in_a_line_of_its_own(text: str) -> None:
    assert active(inert(text)) == []
    assert plain(inert(text)).replace(JOINER, "") == shortened(text)


def test_an_ordinary_comment_can_also_be_read_where_markdown_is_not() -> None:
    comment = "Customer's e-mail (see issue #12): user_name, 100 % sure; R&D only - or so."
    assert inert(comment) == comment


def test_spaces_and_marks_are_visible_where_they_would_not_be() -> None:
    shown = [shortened(text) for text in ("", " ", " a b ", "\n", "a\u200bb", "\x1b[0m")]
    assert shown == ["", "·", "·a b·", "·", "a·b", "·[0m"]


def test_of_many_names_the_first_are_told() -> None:
    assert names_of(["shop", " "]) == "shop, ·"
    assert names_of([f"d{number}" for number in range(10_000)]).endswith(", d19 and 9,980 more")


def test_long_values_and_long_frames_are_cut() -> None:
    text = table_of(pl.DataFrame({"comment": ["x" * 1_000_000] * (SHOWN_ROWS + 5)})).value

    assert len(text) < 130 * (SHOWN_ROWS + 4)
    assert text.endswith("_and 5 more_")


@pytest.mark.parametrize("text", TEXTS)
def test_a_failed_checks_message_is_text_in_markdown_and_lines_beside(text: str) -> None:
    message = f"Would be deleted: {text}, {named(text)}.\nOr in the launchpad:\n  ops: {{a: 1}}"
    check = failed_check("deletions_plausible", message, gone=1)

    told = str(check.description)
    assert set(active(told)) <= {"code_block"}
    assert "ops: {a: 1}" in codes(told)
    assert check.metadata["message"].value == message.splitlines()
    assert check.metadata["gone"].value == 1
    assert not check.passed


def test_a_checks_message_keeps_its_lines_and_shows_commands_as_code() -> None:
    message = "All is `gone`.\nThis lists it:\n  incremental-assets refresh a_b --dry-run\n"

    assert as_markdown(message) == (
        "All is &#96;gone&#96;.\n\nThis lists it:\n\n    incremental-assets refresh a_b --dry-run"
    )


def codes(markdown: str) -> list[str]:
    return [token.content.strip() for token in parse(markdown) if token.type == "code_block"]
