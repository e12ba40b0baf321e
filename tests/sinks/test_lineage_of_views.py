"""What views read, as DataHub and OpenLineage are told: of what is known, and only of that."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from incremental_resources.sinks.datahub.proposals import proposals_of
from incremental_resources.sinks.datahub.urns import Namer
from incremental_resources.sinks.delivery import Delivery
from incremental_resources.sinks.openlineage.events import events_of
from tests.builders import Row, column, schema, state, table
from tests.deliveries import deliveries
from tests.live import NAME, refresh_as_a_person, refreshing
from tests.sinks.made import made_delivery

NAMER = Namer("postgres", "PROD")
SOLD = "select s.id, s.amount * s.tax as gross, now() as at from public.sale s"


def shop(definition: str = SOLD, *, kind: str = "VIEW", taxed: bool = True) -> dict[str, Any]:
    columns: list[Row] = [column("sale", "id", 1), column("sale", "amount", 2)]
    columns += [column("sale", "tax", 3)] if taxed else []
    columns += [column("sold", name, n) for n, name in enumerate(("id", "gross", "at"), 1)]
    tables = [table("sale", "1"), table("sold", "2", kind=kind, definition=definition)]
    return state(schemas=[schema()], tables=tables, columns=columns)


def upstreams(delivery: Delivery, **more: bool) -> dict[str, Any]:
    """Name of the table -> its aspect."""
    return {
        one["entityUrn"].split(".")[-1].split(",")[0]: one["aspect"]["json"]
        for one in proposals_of(delivery, NAMER, **more)
        if one["aspectName"] == "upstreamLineage"
    }


def sources(delivery: Delivery, **more: bool) -> dict[str, Any]:
    """Name of the dataset -> column -> the columns it comes from."""
    return {
        event["dataset"]["name"]: {
            name: [f"{one['name']}.{one['field']}" for one in told["inputFields"]]
            for name, told in event["dataset"]["facets"]["columnLineage"]["fields"].items()
        }
        for event in events_of(delivery, "postgresql://shop", **more)
        if "columnLineage" in event["dataset"]["facets"]
    }


def test_datahub_is_told_tables_and_columns() -> None:
    aspect = upstreams(made_delivery(None, shop()))["sold"]
    sale, sold = (NAMER.dataset("shop", "public", name) for name in ("sale", "sold"))
    assert aspect["upstreams"] == [{"dataset": sale, "type": "VIEW"}]
    assert {
        fine["downstreams"][0]: fine["upstreams"] for fine in aspect["fineGrainedLineages"]
    } == {
        NAMER.field(sold, "id"): [NAMER.field(sale, "id")],
        NAMER.field(sold, "gross"): [NAMER.field(sale, "amount"), NAMER.field(sale, "tax")],
    }


def test_openlineage_is_told_columns() -> None:
    assert sources(made_delivery(None, shop())) == {
        "shop.public.sold": {
            "id": ["shop.public.sale.id"],
            "gross": ["shop.public.sale.amount", "shop.public.sale.tax"],
        }
    }


def test_a_view_that_cannot_be_read_is_told_to_read_nothing() -> None:
    delivery = made_delivery(None, shop("this is no sql of sale"))
    assert upstreams(delivery) == {"sold": {"upstreams": []}}
    assert sources(delivery) == {}


def test_a_view_that_becomes_a_table_reads_nothing_any_more() -> None:
    assert upstreams(made_delivery(shop(), shop(kind="TABLE"), 2)) == {"sold": {"upstreams": []}}


@pytest.mark.parametrize("before", [True, False])
def test_a_view_is_told_again_when_only_what_it_reads_differs(before: bool) -> None:
    delivery = made_delivery(shop(taxed=before), shop(taxed=not before), 2)
    assert list(upstreams(delivery)) == ["sold"]
    gross = sources(delivery).get("shop.public.sold", {}).get("gross")
    assert gross == (None if before else ["shop.public.sale.amount", "shop.public.sale.tax"])
    (event,) = (
        one for one in events_of(delivery, "x") if one["dataset"]["name"] == "shop.public.sold"
    )
    assert "lifecycleStateChange" not in event["dataset"]["facets"]


def test_it_can_be_left_out() -> None:
    delivery = made_delivery(None, shop())
    assert upstreams(delivery, lineage=False) == {}
    assert sources(delivery, lineage=False) == {}


BEFORE = (
    "create table a (x int, y int); create table b (z int); create view v as select x from A, B;"
)
AFTER = "drop table a; drop table b; create table a (y int); create table b (x int, z int);"


def test_in_a_live_file_a_view_reads_another_table_though_it_did_not_change(
    tmp_path: Path,
) -> None:
    file = tmp_path / "shop.db"
    with refreshing(f"sqlite:///{file}") as refresher:
        for script in (BEFORE, AFTER):
            with sqlite3.connect(file) as connection:
                connection.executescript(script)
            refresh_as_a_person(refresher)
        dialect = refresher.config.connection(NAME).dialect()
        first, second = deliveries(refresher.store(NAME), dialect)
    assert "v" not in set(second.datasets.collect()["table"])
    assert sources(first) == {"shop.main.v": {"x": ["shop.main.a.x"]}}
    assert sources(second) == {"shop.main.v": {"x": ["shop.main.b.x"]}}
    (aspect,) = (one for name, one in upstreams(second).items() if name == "v")
    assert aspect["fineGrainedLineages"][0]["upstreams"][0].endswith("shop.main.b,PROD),x)")
