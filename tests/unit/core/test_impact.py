"""Which views read what changed."""

import polars as pl
import pytest

from incremental_assets.core.impact import changed_columns, impact_of
from tests.shop_versions import diff_of


def tables(**definitions: str | None) -> pl.DataFrame:
    return pl.DataFrame(
        [
            ("shop", "public", name, "TABLE" if text is None else "VIEW", text)
            for name, text in definitions.items()
        ],
        schema=["database", "schema", "table", "kind", "definition"],
        orient="row",
    )


def column(table: str, name: str, database: str = "shop") -> tuple[str, str, str, str]:
    return (database, "public", table, name)


def readers(known: pl.DataFrame, *columns: tuple[str, str, str, str]) -> dict[str, list[str]]:
    found = impact_of(columns, known, "postgres", qualified=True)
    return {f"{one[2]}.{one[3]}": [view[2] for view in views] for one, views in found.items()}


SHOP = tables(
    sale=None,
    product=None,
    shown="select s.amount, count(*) as n from public.sale s",
    filtered="select s.id from public.sale s where s.status = 'x'",
    everything="select * from public.sale",
    joined="select p.amount from public.product p join public.sale s using (id)",
    other="select status from elsewhere.sale",
    broken="this is no sql public.sale",
)


@pytest.mark.parametrize(
    ("name", "views"),
    [
        ("amount", ["shown", "everything", "joined"]),
        ("status", ["filtered", "everything"]),
        ("id", ["filtered", "everything", "joined"]),
        ("note", ["everything"]),
    ],
)
def test_views_that_read_the_table_and_name_the_column_are_found(
    name: str, views: list[str]
) -> None:
    assert readers(SHOP, column("sale", name)) == {f"sale.{name}": views}


def test_a_column_that_nobody_reads_is_not_in() -> None:
    assert readers(SHOP, column("product", "note"), column("sale", "x", "elsewhere")) == {}


def test_a_view_of_a_table_that_is_gone_is_found() -> None:
    known = tables(view="select note from public.gone")
    assert readers(known, column("gone", "note")) == {"gone.note": ["view"]}


def test_what_changed_for_a_reader_is_told_apart_from_the_rest() -> None:
    name = {"database": "shop", "schema": "public", "table": "sale"}
    diff = diff_of(
        "columns",
        {**name, "column": "a", "change": "UPDATED", "attribute": "data_type"},
        {**name, "column": "b", "change": "UPDATED", "attribute": "ordinal"},
        {**name, "column": "c", "change": "CREATED"},
        {**name, "column": "d", "change": "DELETED"},
        {**name, "column": "e", "change": "RENAMED"},
    )
    found = changed_columns(diff.lazy())
    assert [one[3] for one in found] == ["a", "d", "e"]
