"""What PostgreSQL prints: its kinds of relations, types, routines, statistics."""

import json

import polars as pl
import psycopg
import pytest

from tests.sources import Live, columns, listed, postgresql, table


@pytest.fixture
def live(fresh_database: str) -> Live:
    return postgresql(fresh_database)


def column(live: Live, definition: str) -> dict[str, object]:
    """What is printed of one column ``x``, defined so."""
    live.ddl(f"create table t (x {definition})")
    with live.source() as source:
        return columns(source, listed(source, "tables")).row(0, named=True)


# Printing


@pytest.mark.parametrize(
    ("definition", "printed"),
    [
        ("integer", {"data_type": "integer", "numeric_precision": None, "max_length": None}),
        ("numeric", {"data_type": "numeric", "numeric_precision": None, "numeric_scale": None}),
        ("numeric(10, 2)", {"data_type": "numeric(10,2)", "numeric_precision": 10}),
        ("numeric(1000, 1000)", {"numeric_precision": 1000, "numeric_scale": 1000}),
        ("numeric(3, 0)", {"numeric_precision": 3, "numeric_scale": 0}),
        ("numeric(2, -3)", {"data_type": "numeric(2,-3)", "numeric_scale": -3}),
        ("varchar(20)", {"data_type": "character varying(20)", "max_length": 20}),
        ("varchar", {"data_type": "character varying", "max_length": None}),
        ("char(3)", {"data_type": "character(3)", "max_length": 3}),
        ("bit(5)", {"data_type": "bit(5)", "max_length": 5}),
        ("varchar(20)[]", {"data_type": "character varying(20)[]", "max_length": None}),
        ("timestamp(3) with time zone", {"data_type": "timestamp(3) with time zone"}),
        ("integer not null", {"nullable": False}),
        ("integer default 7", {"default": "7", "is_generated": False}),
        (
            "timestamptz default '2020-01-02 03:04+05'",
            {"default": "'2020-01-01 22:04:00+00'::timestamp with time zone"},
        ),
        ("interval default '1 day'", {"default": "'1 day'::interval"}),
        ("integer generated always as identity", {"is_identity": True, "default": None}),
        ("serial", {"default": "nextval('public.t_x_seq'::regclass)", "is_identity": False}),
        (
            "integer generated always as (1 + 1) stored",
            {"is_generated": True, "default": "(1 + 1)"},
        ),
        ("text", {"collation": None}),
        ('text collate "C"', {"collation": 'pg_catalog."C"'}),
        ("name", {"collation": None}),
        ("integer primary key", {"is_primary_key": True, "is_foreign_key": False, "ordinal": 1}),
        ("integer unique", {"is_primary_key": False}),
    ],
)
def test_a_column_prints_what_it_is(
    live: Live, definition: str, printed: dict[str, object]
) -> None:
    found = column(live, definition)
    assert found | printed == found


def test_foreign_keys_lead_where_they_were_declared_to(live: Live) -> None:
    live.ddl(
        "create schema other",
        "create table other.pair (x integer, y integer, primary key (y, x))",
        "create table split (k integer primary key) partition by list (k)",
        "create table split_1 partition of split for values in (1)",
        "create table split_2 partition of split for values in (2)",
        "create table item (a integer unique, b integer references split, c integer, d integer, "
        "foreign key (c, d) references other.pair, foreign key (c) references item (a), "
        "foreign key (c) references item (a))",
        "create table parts (k integer, s integer references split) partition by list (k)",
        "create table parts_1 partition of parts for values in (1)",
    )
    with live.source() as source:
        read = listed(source, "columns").filter(pl.col("references").is_not_null())
    targets = {
        (row["table"], row["column"]): [target[1:] for target in json.loads(row["references"])]
        for row in read.to_dicts()
    }
    assert targets == {
        ("item", "b"): [["public", "split", "k"]],
        ("item", "c"): [["other", "pair", "y"], ["public", "item", "a"]],
        ("item", "d"): [["other", "pair", "x"]],
        ("parts", "s"): [["public", "split", "k"]],
        ("parts_1", "s"): [["public", "split", "k"]],
    }


def test_every_kind_of_relation_is_listed_and_nothing_else(live: Live, fresh_database: str) -> None:
    live.ddl(
        "create table plain (a integer primary key, b text)",
        "create view seen as select 1 as one",
        "create materialized view kept as select 1 as one",
        "create foreign data wrapper w",
        "create server far foreign data wrapper w",
        "create foreign table remote (a integer) server far",
        "create table split (k integer) partition by list (k)",
        "create table split_1 partition of split for values in (1)",
        "create type pair as (a integer, b integer)",
        "create sequence counter",
    )
    with psycopg.connect(fresh_database, autocommit=True) as other, live.source() as source:
        other.execute("create temporary table passing (a integer)")
        kinds = listed(source, "tables").sort("table")
    assert dict(kinds.select("table", "kind").iter_rows()) == {
        "kept": "MATERIALIZED VIEW",
        "plain": "TABLE",
        "remote": "FOREIGN TABLE",
        "seen": "VIEW",
        "split": "PARTITIONED TABLE",
        "split_1": "PARTITION",
    }
    parents = kinds.filter(pl.col("parent_table").is_not_null())
    assert parents.select("table", "parent_schema", "parent_table").rows() == [
        ("split_1", "public", "split")
    ]


def test_statistics_are_what_analyze_left(live: Live) -> None:
    live.ddl("create table t (a integer)", "insert into t select generate_series(1, 1000)")
    with live.source() as source:
        assert table(source, "t")["row_count"] is None
        live.ddl("analyze t")
        counted = table(source, "t")
    assert counted["row_count"] == 1000
    assert counted["size_bytes"] > 0
    assert counted["created_at"] is counted["altered_at"] is None


def test_dropped_columns_leave_gaps_and_do_not_count(live: Live) -> None:
    live.ddl("create table t (a integer, b integer, c integer)", "alter table t drop column b")
    with live.source() as source:
        tables = listed(source, "tables")
        read = columns(source, tables).sort("ordinal")
    assert tables["column_count"].to_list() == [2]
    assert read.select("column", "ordinal").rows() == [("a", 1), ("c", 3)]


def test_routines_print_themselves(live: Live) -> None:
    live.ddl(
        "create function f(n integer, m text default 'x') returns setof text "
        "language sql stable as 'select m'",
        "create function f(n text) returns integer language sql as 'select 1'",
        "create procedure p(inout n integer) language plpgsql as 'begin n := n + 1; end'",
        "create function w(n integer) returns integer language internal window as 'window_rank'",
        "create aggregate a(integer) (sfunc = int4pl, stype = integer, initcond = '0')",
        "comment on function f(text) is 'one'",
    )
    with live.source() as source:
        found = listed(source, "procedures").sort("procedure", "signature")
    assert found.select("procedure", "kind", "signature", "language").rows() == [
        ("a", "AGGREGATE", "integer", "internal"),
        ("f", "FUNCTION", "n integer, m text", "sql"),
        ("f", "FUNCTION", "n text", "sql"),
        ("p", "PROCEDURE", "INOUT n integer", "plpgsql"),
        ("w", "FUNCTION", "n integer", "internal"),
    ]
    assert found["arguments"][1] == "n integer, m text DEFAULT 'x'::text"
    assert found["return_type"].to_list() == ["integer", "SETOF text", "integer", None, "integer"]
    assert found["comment"].to_list() == [None, None, "one", None, None]
    assert found["definition"][0].startswith("sfunc = int4pl(integer,integer), stype = integer")
    assert found["definition"][3].startswith("CREATE OR REPLACE PROCEDURE public.p(")


def test_definitions_name_schemas_whatever_the_role_has_set(live: Live) -> None:
    live.ddl(
        "create table t (a integer)",
        "create view v as select a from t",
        f"alter database {live.database} set search_path = public",
        f"alter database {live.database} set DateStyle = 'German'",
        "alter table t add d date default '2020-12-31'",
    )
    with live.source() as source:
        assert "public.t" in str(table(source, "v")["definition"])
        read = columns(source, listed(source, "tables"))
    assert "'2020-12-31'::date" in read["default"].to_list()
