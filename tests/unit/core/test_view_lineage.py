"""What views read as rows: of some views the same as of all, and which views may read otherwise."""

from collections.abc import Iterable, Mapping

import polars as pl
import pytest

from incremental_assets.core.change import Comparison
from incremental_assets.core.diff import diff
from incremental_assets.core.entities import ENTITIES
from incremental_assets.core.publishing import complete_changes
from incremental_assets.core.scope import Scope
from incremental_assets.core.view_lineage import SCHEMA, ViewLineage, affected_views
from tests.builders import Row, column, database, schema, state, table

Frames = Mapping[str, pl.DataFrame]
SCOPE = Scope(entities=tuple(ENTITIES))


def view(name: str, native_id: str, definition: str | None, **more: str) -> Row:
    return table(name, native_id, kind="VIEW", definition=definition, **more)


def shop(*, tables: Iterable[Row] = (), columns: Iterable[Row] = ()) -> Frames:
    """A sale of products, and views of them."""
    return state(
        schemas=[schema()],
        tables=[
            table("sale", "1"),
            table("product", "2"),
            view("sold", "3", "select s.id, s.amount * 2 as twice from public.sale s"),
            view("offer", "4", "select p.id from public.product p"),
            view("again", "5", "select * from public.sold"),
            view("broken", "6", "this is no sql of sale"),
            view("elsewhere", "7", "select id from other.sale"),
            view("silent", "8", None),
            *tables,
        ],
        columns=[
            *(column("sale", name, n) for n, name in enumerate(("id", "amount"), 1)),
            *(column("sold", name, n) for n, name in enumerate(("id", "twice"), 1)),
            *(column("again", name, n) for n, name in enumerate(("id", "twice"), 1)),
            column("product", "id"),
            column("offer", "id"),
            *columns,
        ],
    )


def lazy(frames: Frames) -> dict[str, pl.LazyFrame]:
    return {name: rows.lazy() for name, rows in frames.items()}


def lineage_of(frames: Frames) -> ViewLineage:
    return ViewLineage(lazy(frames), "postgres", qualified=True)


def told(rows: pl.DataFrame) -> dict[str, set[str]]:
    """``view`` or ``view.column`` -> what it reads, in the schema ``public``."""
    found: dict[str, set[str]] = {}
    for _, _, name, own, home, source, source_column in rows.iter_rows():
        assert home == "public"
        reader, read = (name, source) if own is None else (f"{name}.{own}", source_column)
        found.setdefault(reader, set()).add(read if own is None else f"{source}.{read}")
    return found


def affected(before: Frames, after: Frames) -> set[str]:
    comparison = Comparison(SCOPE, SCOPE, durable_ids=True, durable_ordinals=True)
    changes = complete_changes(
        {name: rows.lazy() for name, rows in diff(before, after, comparison).items()}
    )
    return set(affected_views(lazy(after), changes).collect()["table"])


def test_a_row_for_every_table_and_every_column_that_is_found() -> None:
    frames = shop()
    assert told(lineage_of(frames)(frames["tables"])) == {
        "sold": {"sale"},
        "sold.id": {"sale.id"},
        "sold.twice": {"sale.amount"},
        "offer": {"product"},
        "offer.id": {"product.id"},
        "again": {"sold"},
        "again.id": {"sold.id"},
        "again.twice": {"sold.twice"},
    }


def test_one_view_says_what_it_says_among_all() -> None:
    frames = shop()
    lineage = lineage_of(frames)
    together = lineage(frames["tables"])
    alone = [lineage(frames["tables"][n]) for n in range(frames["tables"].height)]
    assert pl.concat(alone).sort(pl.all()).equals(together)


def test_where_there_is_no_view_there_are_no_rows() -> None:
    frames = state(schemas=[schema()], tables=[table("sale", "1")])
    rows = lineage_of(frames)(frames["tables"])
    assert rows.is_empty()
    assert rows.schema == pl.Schema(SCHEMA)


def test_a_name_that_is_no_word_is_traced_too() -> None:
    definition = 'select o."sa le" from public."a.b ""c""/é" o'
    frames = shop(
        tables=[table('a.b "c"/é', "20"), view("odd", "21", definition)],
        columns=[column('a.b "c"/é', "sa le"), column("odd", "sa le")],
    )
    rows = lineage_of(frames)(frames["tables"].filter(pl.col("table") == "odd"))
    assert told(rows) == {"odd": {'a.b "c"/é'}, "odd.sa le": {'a.b "c"/é.sa le'}}


def test_without_columns_tables_are_told_all_the_same() -> None:
    frames = {**shop(), "columns": ENTITIES["columns"].empty()}
    assert told(lineage_of(frames)(frames["tables"])) == {
        "sold": {"sale"},
        "offer": {"product"},
        "again": {"sold"},
    }


def without_column(frames: Frames, of: str, name: str) -> Frames:
    gone = (pl.col("table") == of) & (pl.col("column") == name)
    return {**frames, "columns": frames["columns"].filter(~gone)}


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (without_column(shop(), "sale", "amount"), {"sold", "broken", "elsewhere"}),
        (without_column(shop(), "sold", "twice"), {"again"}),
        (shop(columns=[column("product", "price", 2)]), {"offer"}),
        (shop(tables=[table("SOLD", "30")]), {"again"}),
        (shop(tables=[table("new", "30")]), set()),
        (shop(), set()),
    ],
)
def test_views_that_name_a_table_which_differs_are_affected(
    after: Frames, expected: set[str]
) -> None:
    assert affected(shop(), after) == expected


def test_both_names_of_a_renamed_table_affect() -> None:
    before = shop(tables=[view("old", "40", "select 1 from old_name"), table("old_name", "41")])
    after = shop(tables=[view("old", "40", "select 1 from old_name"), table("product2", "41")])
    assert affected(before, after) == {"old"}
    assert affected(after, before) == {"old"}


def test_a_name_that_is_no_word_affects_every_view_of_its_database() -> None:
    every = {"sold", "offer", "again", "broken", "elsewhere"}
    assert affected(shop(), shop(tables=[table("a b", "50")])) == every


def test_a_table_of_another_database_affects_nothing() -> None:
    other = {**table("sale", "60"), "database": "other"}
    two = [database(), database("other", "d2")]
    before = {**shop(), "databases": state(databases=two)["databases"]}
    after = {**before, "tables": pl.concat([before["tables"], state(tables=[other])["tables"]])}
    assert affected(before, after) == set()


def test_a_table_that_only_has_another_comment_affects_nothing() -> None:
    before = shop()
    comment = pl.when(pl.col("table") == "sale").then(pl.lit("all")).otherwise(pl.col("comment"))
    after = {**before, "tables": before["tables"].with_columns(comment=comment)}
    assert affected(before, after) == set()
