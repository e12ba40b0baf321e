"""Products whose databases are schemas here: catalogs know two levels of them, not three."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from incremental_resources.sinks.delivery import Delivery
from incremental_resources.sinks.kinds import Place, kind_named
from tests.builders import column, schema, state, table
from tests.sinks.made import made_delivery

BEFORE = state(
    schemas=[schema()],
    tables=[table("sale", "1"), table("gone", "2")],
    columns=[column("sale", "id")],
)
AFTER = state(
    schemas=[schema()],
    tables=[
        table("sales", "1"),
        table("v", "3", kind="VIEW", definition="select s.id from public.sales s"),
    ],
    columns=[column("sales", "id"), column("v", "id")],
)


def written(kind: str, dialect: str, delivery: Delivery, folder: Path) -> str:
    found = kind_named(kind)
    assert found
    options = found.options.model_validate({"path": str(folder)})
    made = found.make(options, Place(kind, "shop", dialect))
    made.publish(replace(delivery, dialect=dialect))
    (file,) = folder.rglob("00000002-*.json*")
    return file.read_text()


@pytest.mark.parametrize("dialect", ["mariadb", "mysql", "clickhouse"])
def test_datahub_is_told_two_levels(tmp_path: Path, dialect: str) -> None:
    proposals = json.loads(written("datahub", dialect, made_delivery(BEFORE, AFTER, 2), tmp_path))
    urns = {one["entityUrn"] for one in proposals if one["entityType"] == "dataset"}
    platform = f"urn:li:dataset:(urn:li:dataPlatform:{dialect}"
    assert urns == {f"{platform},public.{name},PROD)" for name in ("sale", "sales", "gone", "v")}
    (upstream,) = [
        one["aspect"]["json"]["upstreams"]
        for one in proposals
        if one["aspectName"] == "upstreamLineage"
    ]
    assert [one["dataset"] for one in upstream] == [f"{platform},public.sales,PROD)"]


def test_a_schema_is_datahubs_database(tmp_path: Path) -> None:
    first = written("datahub", "mysql", replace(made_delivery(None, AFTER), version=2), tmp_path)
    told = {
        one["aspectName"]: one["aspect"]["json"]
        for one in json.loads(first)
        if one["entityType"] == "container"
    }
    assert told["subTypes"] == {"typeNames": ["Database"]}
    assert told["containerProperties"]["qualifiedName"] == "public"
    assert "container" not in told


@pytest.mark.parametrize("dialect", ["mariadb", "mysql", "clickhouse"])
def test_openlineage_is_told_two_levels(tmp_path: Path, dialect: str) -> None:
    lines = written("openlineage", dialect, made_delivery(BEFORE, AFTER, 2), tmp_path)
    events = [json.loads(line)["dataset"] for line in lines.splitlines()]
    assert {one["name"] for one in events} == {"public.gone", "public.sales", "public.v"}
    assert '"previousIdentifier":{"namespace":' in lines.replace(" ", "")
    assert '"name":"public.sale"' in lines
    assert "shop.public" not in lines
