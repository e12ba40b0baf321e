"""What every product's folder of SQL must hold, read without a database."""

import re

import polars as pl

from incremental_resources.source.dialect import FOLDERS, Dialect, dialects
from tests.sources import PRODUCTS, SOURCES, own_files, sql_files

ALWAYS_THERE = {"databases", "schemas", "tables", "columns", "now", "version", "identity"}
MAY_BE_THERE = {"closed", "probe", "writes", "session", "bytes", "columns_all", "grants"}
ALWAYS_GIVEN = {"database", "statement_timeout_seconds"}
GIVEN_TO_LISTINGS = {"schemas", "list_partitions"}


def code(text: str) -> str:
    """SQL without its comments and its strings."""
    return re.sub(r"--.*|'[^']*'", "", text)


def test_every_product_that_ships_is_tested_live() -> None:
    live = {PRODUCTS.get(name, name) for name in SOURCES}
    assert live == set(dialects()) == set(FOLDERS)


def test_every_file_that_is_needed_is_there_and_every_other_is_used(dialect: Dialect) -> None:
    files = set(sql_files(dialect))
    needed = ALWAYS_THERE | set(dialect.entities)
    assert needed <= files <= needed | MAY_BE_THERE


def test_every_file_begins_with_the_grants_and_the_version_it_needs(dialect: Dialect) -> None:
    version = ".".join(map(str, dialect.minimum_version))
    for name, text in own_files(dialect).items():
        first = text.splitlines()[0]
        assert first.startswith("-- Grants: "), name
        assert f"{dialect.title} {version}+" in first, name


def test_nothing_waits_to_be_formatted_in(dialect: Dialect) -> None:
    for name, text in sql_files(dialect).items():
        assert not re.search(r"%s|%\(\w+\)|\{\w*\}|\$\{|\?|\$\d", code(text)), name


def test_every_bound_value_is_one_that_is_given(dialect: Dialect) -> None:
    tables = pl.DataFrame(schema=dict.fromkeys(["schema", "table", "native_id"], pl.String))
    given = {
        "tables": GIVEN_TO_LISTINGS,
        "procedures": GIVEN_TO_LISTINGS,
        "columns_all": {"schemas"},
        "probe": {"schemas"},
        "columns": set(dialect.bind_tables(tables)),
    }
    for name, text in sql_files(dialect).items():
        bound = set(re.findall(r"(?<![:\w]):([a-z_]\w*)", code(text)))
        assert bound <= ALWAYS_GIVEN | given.get(name, set()), name


def test_keywords_are_in_lower_case(dialect: Dialect) -> None:
    for name, text in sql_files(dialect).items():
        assert not re.search(r"\b(SELECT|FROM|WHERE|JOIN|AS|AND|OR|CASE|WITH)\b", code(text)), name
