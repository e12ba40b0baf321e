"""Names as parts of asset keys: what stays, what is encoded, and that nothing is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incremental_assets.core.asset_keys import key_part, name_of


@pytest.mark.parametrize(
    "name",
    ["orders", "Legacy Import 2019", "a.b", "größe", "注文", "😀", "it's", "x(1)", "...", " "],
)
def test_a_name_that_dagster_shows_as_it_is_stays(name: str) -> None:
    assert key_part(name) == name


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("in/out", "in~2Fout"),
        ("a\\b", "a~5Cb"),
        ('12" vinyl', "12~22 vinyl"),
        ("100%", "100~25"),
        ("~", "~7E"),
        ("*", "~2A"),
        ("two\nlines", "two~0Alines"),
        ("\u202egnp", "~E2~80~AEgnp"),
        ("..", "~2E~2E"),
        ("", "~"),
    ],
)
def test_what_has_a_meaning_or_no_shape_is_encoded(name: str, part: str) -> None:
    assert key_part(name) == part


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_every_name_comes_back(name: str) -> None:
    part = key_part(name)

    assert part
    assert name_of(part) == name
    assert not set(part) & set('/\\"*%')
