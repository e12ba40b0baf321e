"""What SQLite's listings show and what moves its tokens, beyond what every product has to do."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from incremental_resources.source.dialects.sqlite.dialect import DIALECT
from incremental_resources.source.dialects.sqlite.file import ReadOnlyFile
from incremental_resources.source.source import Source
from tests.sources import Live, columns, listed, sqlite, table

PRODUCT = "create table product (id integer primary key, name text not null default 'x')"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@pytest.fixture
def live(path: Path) -> Live:
    live = sqlite(path)
    live.ddl(PRODUCT)
    return live


@pytest.fixture
def source(live: Live) -> Iterator[Source]:
    with live.source() as source:
        yield source


def by_table(source: Source, attribute: str) -> dict[str, object]:
    """One attribute of every table, by name."""
    return dict(listed(source, "tables").select("table", attribute).iter_rows())


def by_column(source: Source, table: str, attribute: str) -> dict[str, object]:
    """One attribute of every column of a table, by name, in their order."""
    read = listed(source, "columns").sort("ordinal").to_dicts()
    return {row["column"]: row[attribute] for row in read if row["table"] == table}


# What is listed


def test_a_database_is_called_like_its_file_without_the_last_ending(tmp_path: Path) -> None:
    live = sqlite(tmp_path / "shop.2026 v1.db")
    live.ddl(PRODUCT)
    with live.source() as source:
        assert source.databases() == ["shop.2026 v1"]


def test_tables_and_views_are_listed_and_nothing_of_the_library(live: Live, source: Source) -> None:
    live.ddl(
        "create view offer as select * from product",
        "create virtual table note using fts5(title, body)",
        "create table counted (id integer primary key autoincrement)",
        "insert into counted default values",
        "analyze",
    )
    assert by_table(source, "kind") == {
        "counted": "TABLE",
        "note": "TABLE",
        "offer": "VIEW",
        "product": "TABLE",
    }


def test_a_definition_is_the_statement_that_made_the_object(live: Live, source: Source) -> None:
    live.ddl("create view offer as select id from product")
    assert table(source, "offer")["definition"] == "CREATE VIEW offer as select id from product"


def test_temporary_tables_are_not_the_files(live: Live, path: Path) -> None:
    with closing(ReadOnlyFile(str(path))) as connection:
        connection.execute("create temp table scratch (a)")
        tables = connection.execute(DIALECT.sql("tables")).fetchall()
        schemas = connection.execute(DIALECT.sql("schemas")).fetchall()
    assert [row[1] for row in tables] == ["product"]
    assert [row[0] for row in schemas] == ["main"]


def test_an_attached_file_is_a_schema_whose_tables_have_no_token(live: Live, path: Path) -> None:
    old = path.with_name("old.db")
    sqlite(old).ddl("create table product (id integer primary key, price real)")
    asked = {"tables": '[{"schema": "old", "table": "product"}]', "database": "shop"}
    with closing(ReadOnlyFile(str(path))) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("attach ? as old", (str(old),))
        schemas = {row["schema"] for row in connection.execute(DIALECT.sql("schemas"))}
        tables = {row["schema"]: row for row in connection.execute(DIALECT.sql("tables"))}
        read = [tuple(row)[:3] for row in connection.execute(DIALECT.sql("columns"), asked)]
    assert schemas == {"main", "old"}
    assert tables["main"]["token"]
    assert tables["old"]["token"] is None
    assert read == [("old", "product", "id"), ("old", "product", "price")]


# Columns


def test_columns_tell_type_default_and_null_as_declared(live: Live, source: Source) -> None:
    live.ddl("create table item (a, b varchar(20) not null default 'it''s', c decimal(10, 2))")
    types = {"a": None, "b": "varchar(20)", "c": "decimal(10, 2)"}
    assert by_column(source, "item", "data_type") == types
    assert by_column(source, "item", "default") == {"a": None, "b": "'it''s'", "c": None}
    assert by_column(source, "item", "nullable") == {"a": True, "b": False, "c": True}
    assert by_column(source, "item", "ordinal") == {"a": 1, "b": 2, "c": 3}


@pytest.mark.parametrize(
    ("item", "identity", "nullable"),
    [
        ("(id integer primary key)", True, False),  # another name of the rowid
        ("(id integer primary key autoincrement)", True, False),
        ("(id int primary key)", False, True),  # only "integer" names the rowid
        ("(id integer primary key desc)", False, True),  # a documented quirk: it does not
        ("(id integer primary key) without rowid", False, False),
        ("(id integer, b, primary key (id, b))", False, True),
    ],
)
def test_an_identity_is_a_key_that_names_the_rowid(
    live: Live, source: Source, item: str, identity: bool, nullable: bool
) -> None:
    live.ddl(f"create table item {item}")
    assert by_column(source, "item", "is_primary_key")["id"] is True
    assert by_column(source, "item", "is_identity")["id"] is identity
    assert by_column(source, "item", "nullable")["id"] is nullable


def test_generated_columns_count_and_hidden_ones_do_not(live: Live, source: Source) -> None:
    live.ddl(
        "create table item (a, b as (a + 1), c as (a + 2) stored)",
        "create virtual table note using fts5(title, body)",
    )
    assert by_column(source, "item", "is_generated") == {"a": False, "b": True, "c": True}
    assert by_column(source, "note", "ordinal") == {"title": 1, "body": 2}
    assert by_table(source, "column_count") == {"item": 3, "note": 2, "product": 2}


def test_foreign_keys_are_found_however_their_columns_are_written(
    live: Live, source: Source
) -> None:
    live.ddl(
        'create table item ("The Product" references product, b, c, '
        "foreign key (B) references product (id), foreign key (b) references item (c))"
    )
    found = by_column(source, "item", "is_foreign_key")
    assert found == {"The Product": True, "b": True, "c": False}


def test_a_foreign_key_leads_to_the_column_it_means(live: Live, source: Source) -> None:
    live.ddl(
        "create table pair (x integer, y integer, primary key (y, x))",
        "create table item (a references PRODUCT, b references product (ID), c integer, d integer, "
        "e references nowhere, f references nowhere (z), foreign key (c, d) references pair, "
        "foreign key (c) references item (e), foreign key (a) references product (id), "
        "primary key (a))",
    )
    found = by_column(source, "item", "references")
    assert {name: json.loads(str(told)) for name, told in found.items()} == {
        "a": [["shop", "main", "product", "id"]],
        "b": [["shop", "main", "product", "id"]],
        "c": [["shop", "main", "item", "e"], ["shop", "main", "pair", "y"]],
        "d": [["shop", "main", "pair", "x"]],
        "e": [["shop", "main", "nowhere", None]],
        "f": [["shop", "main", "nowhere", "z"]],
    }


@pytest.mark.parametrize(
    "again",
    ["create table product (name text primary key)", "create table PRODUCT (ID integer)", ""],
)
def test_whoever_leads_to_a_table_made_anew_is_read_again(
    live: Live, source: Source, again: str
) -> None:
    live.ddl("create table item (a references product, b references product (id))")
    before = by_table(source, "token")["item"], by_column(source, "item", "references")
    live.ddl("drop table product", again)
    after = by_table(source, "token")["item"], by_column(source, "item", "references")
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_many_tables_are_read_with_one_look_at_the_list_of_tables(live: Live, path: Path) -> None:
    with closing(ReadOnlyFile(str(path))) as connection:
        asked = {"tables": "[]", "database": "shop"}
        plan = connection.execute(f"explain query plan {DIALECT.sql('columns')}", asked)
        steps = [row[3] for row in plan]
    listing = next(place for place, step in enumerate(steps) if step.startswith("SCAN listed"))
    assert steps[listing + 1].startswith("SEARCH wanted USING AUTOMATIC")


# Broken things do not break a refresh


@pytest.mark.parametrize(
    "broken",
    [
        ["create view broken as select * from gone"],
        ["create table gone (a)", "create view broken as select a from gone", "drop table gone"],
        ["create view broken as select no_such_function(id) as x from product"],
        ["create view broken as select * from broken"],
        ["create view other as select * from broken", "create view broken as select * from other"],
        [
            "create table broken (a)",
            "pragma writable_schema = on",
            "update sqlite_schema set rootpage = 0, "
            "sql = 'create virtual table broken using module_that_nobody_has(a)'",
        ],
    ],
    ids=["base never there", "base dropped", "function", "itself", "circle", "module"],
)
def test_a_broken_object_is_listed_without_columns(path: Path, broken: list[str]) -> None:
    live = sqlite(path)
    live.ddl(*broken)
    live.ddl(PRODUCT, "create view whole as select * from product")
    with live.source() as source:
        counts = by_table(source, "column_count")
        assert (counts["broken"], counts["whole"]) == (0, 2)
        assert by_column(source, "broken", "ordinal") == {}
        assert by_column(source, "whole", "ordinal") == {"id": 1, "name": 2}


def test_a_broken_view_gets_its_columns_when_its_table_comes(live: Live, source: Source) -> None:
    live.ddl("create view offer as select * from price")
    assert by_column(source, "offer", "ordinal") == {}
    live.ddl("create table price (amount real)")
    assert by_column(source, "offer", "data_type") == {"amount": "REAL"}


def test_a_table_that_is_gone_has_no_columns(live: Live, source: Source) -> None:
    asked = listed(source, "tables")
    live.ddl("drop table product")
    assert columns(source, asked).is_empty()


# Tokens, probe, position


def test_views_and_virtual_tables_have_no_token(live: Live, source: Source) -> None:
    live.ddl("create view offer as select 1", "create virtual table note using fts5(title)")
    tokens = by_table(source, "token")
    assert tokens.pop("product")
    assert tokens == {"offer": None, "note": None}


def test_a_renamed_table_moves_the_tokens_of_those_that_refer_to_it(
    live: Live, source: Source
) -> None:
    live.ddl("create table item (product references product)")
    before = by_table(source, "token")["item"]
    live.ddl("alter table product rename to article")
    assert by_table(source, "token")["item"] != before


@pytest.mark.parametrize(
    "statement",
    [
        "insert into product (name) values ('pen')",
        "create index product_name on product (name)",
        "create trigger note_it after insert on product begin select 1; end",
        "analyze",
        "vacuum",
        "pragma user_version = 7",
    ],
)
def test_what_no_listing_shows_moves_neither_probe_nor_listing(
    live: Live, source: Source, statement: str
) -> None:
    before = source.probe(), listed(source, "tables").rows()
    live.ddl(statement)
    assert (source.probe(), listed(source, "tables").rows()) == before


def test_the_position_falls_when_a_backup_is_restored(
    live: Live, source: Source, path: Path
) -> None:
    backup = path.read_bytes()
    live.ddl("create table item (a)")
    ahead = source.identity()["position"]["schema_version"]
    path.write_bytes(backup)
    assert source.identity()["position"]["schema_version"] < ahead
