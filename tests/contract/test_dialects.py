"""What every product's dialect must do, on a live database of its own."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from incremental_assets.core.entities import ENTITIES, conform
from incremental_resources.source.dialect import dialects
from incremental_resources.source.source import Source
from tests.sources import PRODUCTS, SOURCES, Live, columns, fit_names, listed, quoted, table

EACH_ENTITY = [
    (name, entity) for name in SOURCES for entity in dialects()[PRODUCTS.get(name, name)].entities
]
AS_WRITTEN = r"(?i)select\s+id,\s+name\s+from"
SPELT_OUT = r"select `\w+`\.`product`\.`id` AS `id`,`\w+`\.`product`\.`name` AS `name` from"
# How the product prints the view of the catalogue.
DEFINITIONS = {
    "clickhouse": AS_WRITTEN,
    "duckdb": r'SELECT id, "name" FROM',
    "mariadb": SPELT_OUT,
    "mysql": SPELT_OUT,
    "postgresql": AS_WRITTEN,
    "sqlite": AS_WRITTEN,
}
WITHOUT_FOREIGN_KEYS = ("clickhouse",)
# What becomes of varchar(20) where lengths are dropped.
TYPES_OF_NAMES = {"clickhouse": "String", "duckdb": "VARCHAR"}
ODD_NAMES = [
    'quo"te',
    "apo'strophe",
    "back`tick",
    "[bracket]",
    "dot.ted",
    "dot.ted.twice",
    "sla/sh",
    "back\\slash",
    "spa ce",
    " edges ",
    "per%cent",
    "%s",
    "%(name)s",
    "co:lon",
    ":schemas",
    "::text",
    "semi;colon",
    "{brace}",
    "?",
    "$1",
    "--",
    "/* */",
    "new\nline",
    "carriage\r\nreturn",
    "tab\t",
    "emoji 😀",
    "é",
    "e\u0301",  # looks like the one before it
    "İstanbul",
    "MiXed",
    "select",
    "null",
    "x" * 63,
]


def known(frame: pl.DataFrame, live: Live) -> pl.DataFrame:
    """The rows in the catalogue's schema."""
    return frame.filter(pl.col("schema") == live.schema)


# Listings


@pytest.mark.parametrize(("live", "entity"), EACH_ENTITY, indirect=["live"])
def test_an_entity_has_exactly_its_columns_and_unique_keys(
    live: Live, source: Source, entity: str
) -> None:
    frame = listed(source, entity)
    assert dict(frame.schema) == ENTITIES[entity].schema
    key = ENTITIES[entity].key
    conformed = conform(ENTITIES[entity], frame)
    assert not frame.is_empty()
    assert conformed.select(key).rows() == sorted(frame.select(key).rows())


def test_the_catalogue_is_what_was_made(live: Live, source: Source) -> None:
    tables = known(listed(source, "tables"), live).sort("table")
    assert tables.select("database", "table", "kind", "column_count").rows() == [
        (live.database, "offer", "VIEW", 2),
        (live.database, "product", "TABLE", 2),
        (live.database, "sale", "TABLE", 3),
    ]
    assert re.search(DEFINITIONS[live.dialect.name], tables["definition"][0])
    read = columns(source, tables).sort("table", "ordinal")
    facts = read.select("table", "column", "nullable", "is_primary_key", "is_foreign_key")
    # Others say of a view's columns what they say of the table's.
    nullable = live.dialect.name in ("duckdb", "postgresql", "sqlite")
    linked = live.dialect.name not in WITHOUT_FOREIGN_KEYS
    assert facts.rows() == [
        ("offer", "id", nullable, False, False),
        ("offer", "name", nullable, False, False),
        ("product", "id", False, True, False),
        ("product", "name", False, False, False),
        ("sale", "id", False, True, False),
        ("sale", "product", True, False, linked),
        ("sale", "note", True, False, False),
    ]
    assert TYPES_OF_NAMES.get(live.dialect.name, "(20)") in read["data_type"][3]
    assert read["default"][3].startswith("'pen'")
    led_to = read["references"].to_list()
    assert [at for at, to in enumerate(led_to) if to is not None] == [5] * linked
    target = [live.database, live.schema, "product", "id"]
    assert [json.loads(to) for to in led_to if to is not None] == [[target]] * linked


def test_parents_are_listed_and_columns_are_counted(source: Source) -> None:
    databases, schemas, tables, columns = (
        listed(source, entity) for entity in ("databases", "schemas", "tables", "columns")
    )
    counted = columns.group_by("database", "schema", "table").agg(
        pl.len().cast(pl.Int32).alias("column_count")
    )
    assert schemas.join(databases, on="database", how="anti").is_empty()
    assert tables.join(schemas, on=["database", "schema"], how="anti").is_empty()
    assert_frame_equal(tables.select(counted.columns), counted, check_row_order=False)


def test_what_the_scope_leaves_out_is_not_read(live: Live) -> None:
    with live.source(schemas=["nowhere"]) as source:
        assert listed(source, "tables").is_empty()


@pytest.mark.parametrize("names", [["product"], ["offer", "sale"], []], ids=len)
def test_columns_are_those_of_the_tables_asked_for(
    live: Live, source: Source, names: list[str]
) -> None:
    asked = known(listed(source, "tables"), live).filter(pl.col("table").is_in(names))
    read = columns(source, asked)
    assert set(read["table"]) == set(names)
    assert read.height == asked["column_count"].sum()


def test_columns_can_be_read_from_several_threads(source: Source) -> None:
    tables = listed(source, "tables")
    with ThreadPoolExecutor(3) as pool:
        once, *others = pool.map(lambda _: columns(source, tables), range(6))
    for other in others:
        assert_frame_equal(once, other, check_row_order=False)


def test_names_survive_unchanged(live: Live, source: Source) -> None:
    names = fit_names(live, ODD_NAMES)
    live.ddl(*(f"create table {quoted(n)} (id integer, {quoted(n)} text)" for n in names))
    tables = known(listed(source, "tables"), live)
    assert set(tables["table"]) == {*names, "product", "sale", "offer"}
    odd = tables.filter(pl.col("table").is_in(names))
    read = columns(source, odd).filter(pl.col("column") != "id")
    assert sorted(read.select("table", "column").rows()) == sorted((n, n) for n in names)


@pytest.mark.parametrize("name", ["dot.ted", "%s", "é", 'quo"te', "MiXed"])
def test_an_odd_table_is_read_alone(live: Live, source: Source, name: str) -> None:
    odd = fit_names(live, ODD_NAMES)
    live.ddl(*(f"create table {quoted(n)} ({quoted(n)} text)" for n in odd))
    asked = known(listed(source, "tables"), live).filter(pl.col("table") == name)
    assert columns(source, asked).select("table", "column").rows() == [(name, name)]


@pytest.mark.parametrize("live", ["postgresql"], indirect=True)
def test_names_of_schemas_and_procedures_survive_unchanged(live: Live, source: Source) -> None:
    for name in map(quoted, ODD_NAMES):
        live.ddl(
            f"create schema {name}",
            f"create table {name}.{name} (a integer)",
            f"create function {name}.{name}({name} integer) returns integer language sql return 1",
        )
    odd = sorted((name, name) for name in ODD_NAMES)
    tables = listed(source, "tables").filter(pl.col("schema") != live.schema)
    procedures = listed(source, "procedures").filter(pl.col("schema") != live.schema)
    assert set(ODD_NAMES) <= set(listed(source, "schemas")["schema"])
    assert sorted(tables.select("schema", "table").rows()) == odd
    assert sorted(procedures.select("schema", "procedure").rows()) == odd
    assert sorted(columns(source, tables).select("schema", "table").rows()) == odd


@pytest.mark.parametrize("live", ["postgresql"], indirect=True)
def test_a_databases_name_survives_unchanged(live: Live) -> None:
    name = """o"d'd. /\\%s:x\n{?}😀=É"""
    odd = live.at(live.url.set(database=name))
    live.ddl(f"create database {quoted(name)}")
    try:
        with odd.source() as source:
            assert source.databases() == [name]
            assert listed(source, "schemas").select("database", "schema").rows() == [
                (name, "public")
            ]
    finally:
        live.ddl(f"drop database {quoted(name)}")


# Clock, identity, probe, token


def test_the_clock_is_utc_and_near(source: Source) -> None:
    before = datetime.now(UTC)
    clock = source.clock()
    assert clock.utcoffset() == timedelta(0)
    slack = timedelta(seconds=5)
    assert before - slack < clock < datetime.now(UTC) + slack
    assert clock <= source.clock()


def test_the_version_is_one_that_can_be_read(live: Live, source: Source) -> None:
    live.dialect.check_version(source.version())


def test_identity_stays_and_position_never_falls(live: Live, source: Source) -> None:
    before = source.identity()
    live.ddl("create table other (a integer)")
    after = source.identity()
    assert before["identity"] == after["identity"] != {}
    assert before["position"].keys() == after["position"].keys()
    assert bool(before["position"]) is live.dialect.gives_position
    assert before.get("restart") == after.get("restart")
    assert ("restart" in before) is live.dialect.tells_restarts
    assert all(before["position"][name] <= after["position"][name] for name in before["position"])


@pytest.mark.parametrize(
    "statement",
    [
        "create table other (a integer)",
        "drop table sale",
        "create view other as select 1 as one",
        "drop view offer",
        "alter table sale rename to purchase",
        "alter table sale add column amount integer",
        "alter table sale rename column note to remark",
        "alter table sale drop column note",
    ],
)
def test_the_probe_moves_with_ddl_and_only_then(live: Live, source: Source, statement: str) -> None:
    before = source.probe()
    assert before == source.probe()
    live.ddl("insert into product (id) values (1)")
    assert before == source.probe()
    live.ddl(statement)
    assert before != source.probe()


@pytest.mark.parametrize(
    "change",
    ["add column amount integer", "rename column note to remark", "drop column note"],
)
def test_a_token_moves_with_its_table_and_only_then(
    live: Live, source: Source, change: str
) -> None:
    sale, product = table(source, "sale")["token"], table(source, "product")["token"]
    assert sale
    assert sale == table(source, "sale")["token"] != product
    live.ddl("insert into sale (id) values (1)", "create table other (a integer)")
    assert sale == table(source, "sale")["token"]
    live.ddl(f"alter table sale {change}")
    assert sale != table(source, "sale")["token"]
    assert product == table(source, "product")["token"]


def test_a_view_over_a_changed_table_has_another_token_or_the_same_columns(
    live: Live, source: Source
) -> None:
    def offer() -> tuple[object, list[tuple[object, ...]]]:
        asked = listed(source, "tables").filter(pl.col("table") == "offer")
        return asked["token"].item(), columns(source, asked).sort("ordinal").rows()

    token, printed = offer()
    # DuckDB alters no table that a foreign key leads to.
    live.ddl("drop table sale")
    live.ddl("alter table product rename column name to title")
    after, printed_after = offer()
    assert token != after or after is None or printed == printed_after
