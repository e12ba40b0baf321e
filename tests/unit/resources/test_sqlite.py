"""What SQLite's listings show, and what moves its tokens; what every product shares is in contract."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from resources.source.dialects.sqlite.dialect import DIALECT
from resources.source.dialects.sqlite.file import ReadOnlyFile
from resources.source.source import Source
from tests.sources import columns, listed, sqlite, table


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    ddl(path, "create table product (id integer primary key, name text not null default 'x')")
    return path


@pytest.fixture
def source(path: Path) -> Source:
    return sqlite(path).source()


def ddl(path: Path, *statements: str) -> None:
    sqlite(path).ddl(*statements)


def kinds(source: Source) -> dict[str, str]:
    """The kind of every table, by name."""
    return dict(listed(source, "tables").select("table", "kind").iter_rows())


def column(source: Source, table: str) -> dict[str, dict[str, object]]:
    """The columns of one table, by name."""
    rows = listed(source, "columns").to_dicts()
    return {row["column"]: row for row in rows if row["table"] == table}


# What is listed


def test_database_is_the_files_name_without_its_last_ending(tmp_path: Path) -> None:
    ddl(tmp_path / "shop.2026 v1.db", "create table t (a)")
    with opened(tmp_path / "shop.2026 v1.db") as source:
        assert source.databases() == ["shop.2026 v1"]


def test_kinds_are_table_and_view_and_internal_tables_are_left_out(
    path: Path, source: Source
) -> None:
    ddl(
        path,
        "create view offer as select * from product",
        "create virtual table note using fts5(title, body)",
        "create table counted (id integer primary key autoincrement)",
        "insert into counted default values",
        "analyze",
    )
    kinds = {name: row["kind"] for name, row in tables(source).items()}
    assert kinds == {"counted": "TABLE", "note": "TABLE", "offer": "VIEW", "product": "TABLE"}


def test_definition_is_the_statement_that_made_the_object(path: Path, source: Source) -> None:
    ddl(path, "create view offer as select id from product")
    assert tables(source)["offer"]["definition"] == "CREATE VIEW offer as select id from product"


def test_temporary_tables_are_not_the_files(source: Source, path: Path) -> None:
    with closing(ReadOnlyFile(str(path))) as connection:
        connection.execute("create temp table scratch (a)")
        listed = connection.execute(DIALECT.sql("tables")).fetchall()
        schemas = connection.execute(DIALECT.sql("schemas")).fetchall()
    assert [row[1] for row in listed] == ["product"]
    assert [row[0] for row in schemas] == ["main"]


def test_an_attached_file_is_a_schema_whose_tables_have_no_token(path: Path) -> None:
    ddl(path.with_name("old.db"), "create table product (id integer primary key, price real)")
    asked = '[{"schema": "old", "table": "product"}]'
    with closing(ReadOnlyFile(str(path))) as connection:
        connection.execute("attach ? as old", (str(path.with_name("old.db")),))
        schemas = {row[0] for row in connection.execute(DIALECT.sql("schemas"))}
        listed = connection.execute(DIALECT.sql("tables"))
        names = [column[0] for column in listed.description]
        rows = {row[0]: dict(zip(names, row, strict=True)) for row in listed}
        read = connection.execute(DIALECT.sql("columns"), {"tables": asked}).fetchall()
    assert schemas == {"main", "old"}
    assert rows["main"]["token"]
    assert rows["old"]["token"] is None
    assert [row[:3] for row in read] == [("old", "product", "id"), ("old", "product", "price")]


# Columns


def test_columns_tell_type_default_and_null(source: Source, path: Path) -> None:
    ddl(path, "create table item (a, b varchar(20) not null default 'it''s', c decimal(10, 2))")
    found = columns(source)
    assert found["item", "a"]["data_type"] is None
    assert found["item", "a"]["nullable"] is True
    assert found["item", "b"]["data_type"] == "varchar(20)"
    assert found["item", "b"]["default"] == "'it''s'"
    assert found["item", "b"]["nullable"] is False
    assert found["item", "c"]["data_type"] == "decimal(10, 2)"
    assert [found["item", name]["ordinal"] for name in "abc"] == [1, 2, 3]


@pytest.mark.parametrize(
    ("table", "identity", "nullable"),
    [
        ("(id integer primary key)", True, False),  # another name of the rowid
        ("(id integer primary key autoincrement)", True, False),
        ("(id int primary key)", False, True),  # only "integer" names the rowid
        ("(id integer primary key desc)", False, True),  # a documented quirk: it does not
        ("(id integer primary key) without rowid", False, False),
        ("(id integer, b, primary key (id, b))", False, True),
    ],
)
def test_identity_is_a_key_that_names_the_rowid(
    path: Path, source: Source, table: str, identity: bool, nullable: bool
) -> None:
    ddl(path, f"create table item {table}")
    column = columns(source)["item", "id"]
    assert column["is_primary_key"] is True
    assert (column["is_identity"], column["nullable"]) == (identity, nullable)


def test_generated_columns_count_and_hidden_ones_do_not(path: Path, source: Source) -> None:
    ddl(
        path,
        "create table item (a, b as (a + 1), c as (a + 2) stored)",
        "create virtual table note using fts5(title, body)",
    )
    found = columns(source)
    generated = {
        name: row["is_generated"] for (table, name), row in found.items() if table == "item"
    }
    assert generated == {"a": False, "b": True, "c": True}
    assert {name for table, name in found if table == "note"} == {"title", "body"}
    listed = tables(source)
    assert listed["item"]["column_count"] == 3
    assert listed["note"]["column_count"] == 2


def test_foreign_keys_are_found_however_their_names_are_written(path: Path, source: Source) -> None:
    ddl(
        path,
        'create table item ("The Product" references product, b, c, '
        "foreign key (B) references product (id), foreign key (b) references item (c))",
    )
    found = columns(source)
    keys = {name: row["is_foreign_key"] for (table, name), row in found.items() if table == "item"}
    assert keys == {"The Product": True, "b": True, "c": False}


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
            "pragma writable_schema = on",
            "insert into sqlite_schema values ('table', 'broken', 'broken', 0, "
            "'CREATE VIRTUAL TABLE broken USING module_that_nobody_has(a)')",
        ],
    ],
    ids=["base never there", "base dropped", "function", "itself", "circle", "module"],
)
def test_a_broken_object_is_listed_without_columns(
    path: Path, source: Source, broken: list[str]
) -> None:
    ddl(path, *broken, "create view whole as select * from product")
    listed = tables(source)
    assert listed["broken"]["column_count"] == 0
    assert listed["whole"]["column_count"] == 2
    found = columns(source)
    assert {name for table, name in found if table == "whole"} == {"id", "name"}
    assert not {name for table, name in found if table == "broken"}


def test_a_broken_view_gets_its_columns_when_its_table_comes(path: Path, source: Source) -> None:
    ddl(path, "create view offer as select * from price")
    ddl(path, "create table price (amount real)")
    assert ("offer", "amount") in columns(source)


def test_a_table_that_is_gone_is_not_an_error(path: Path, source: Source) -> None:
    asked = source.listing("tables", TABLES.schema).select("schema", "table", "native_id")
    ddl(path, "drop table product")
    assert list(source.columns("shop", asked, COLUMNS.schema, identity=None)) == []


def test_many_tables_are_read_with_one_look_at_the_list_of_tables(path: Path) -> None:
    with closing(ReadOnlyFile(str(path))) as connection:
        plan = connection.execute(f"explain query plan {DIALECT.sql('columns')}", {"tables": "[]"})
        steps = [row[3] for row in plan]
    listed = next(place for place, step in enumerate(steps) if step.startswith("SCAN listed"))
    assert steps[listed + 1].startswith("SEARCH wanted USING AUTOMATIC")


# Tokens and the probe


def test_views_and_virtual_tables_have_no_token(path: Path, source: Source) -> None:
    ddl(
        path,
        "create view offer as select * from product",
        "create virtual table note using fts5(title)",
    )
    tokens = {name: row["token"] for name, row in tables(source).items()}
    assert tokens.pop("product")
    assert tokens == {"offer": None, "note": None}


def test_a_renamed_table_moves_the_tokens_of_those_that_refer_to_it(
    path: Path, source: Source
) -> None:
    ddl(path, "create table item (product references product)")
    before = tables(source)["item"]["token"]
    ddl(path, "alter table product rename to article")
    assert tables(source)["item"]["token"] != before


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
def test_what_no_listing_shows_moves_neither_probe_nor_token(
    path: Path, source: Source, statement: str
) -> None:
    before = source.probe(), tables(source)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)
    assert (source.probe(), tables(source)) == before


def test_position_falls_when_a_backup_is_restored(path: Path, source: Source) -> None:
    backup = path.with_name("backup.db")
    shutil.copy(path, backup)
    ddl(path, "create table item (a)")
    ahead = source.identity()["position"]["schema_version"]
    shutil.copy(backup, path)
    assert source.identity()["position"]["schema_version"] < ahead
