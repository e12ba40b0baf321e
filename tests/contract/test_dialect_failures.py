"""How every product's dialect must fail, on a live database of its own."""

import traceback
from pathlib import Path

import pytest

from incremental_assets.core.entities import COLUMNS, ENTITIES
from incremental_resources.errors import ResourceError
from incremental_resources.source.dialect import dialects
from incremental_resources.source.errors import (
    CapabilityMissing,
    QueryFailed,
    SchemaDrift,
    SourceUnavailable,
)
from incremental_resources.source.source import Source
from tests.sources import PRODUCTS, SOURCES, Live, copied_folder, listed

NOT_THERE = [
    (name, entity)
    for name in SOURCES
    for entity in ENTITIES
    if entity not in dialects()[PRODUCTS.get(name, name)].entities
]


@pytest.mark.parametrize(
    ("select", "told"),
    [
        ("select x.*, 1 as surplus from ({}) as x", "has unexpected surplus"),
        ("select 1 as one", "misses .*column_count.*has unexpected one"),
        ("select x.*, x.kind from ({}) as x", "repeats kind"),
    ],
    ids=["one more", "others", "one twice"],
)
def test_a_query_with_other_columns_is_drift(
    live: Live, package: Path, select: str, told: str
) -> None:
    tables = select.format(live.dialect.sql("tables"))
    with (
        live.source(**copied_folder(live.dialect, package, tables=tables)) as source,
        pytest.raises(SchemaDrift, match=told) as error,
    ):
        listed(source, "tables")
    assert "tables.sql for tables" in str(error.value)


def test_a_failed_query_names_the_product_the_file_and_the_entity(
    live: Live, package: Path
) -> None:
    change = copied_folder(live.dialect, package, columns="select a from no_such_table")
    with live.source(**change) as source, pytest.raises(QueryFailed) as error:
        listed(source, "columns")
    told = str(error.value)
    parts = ("shop_connection", live.dialect.title, "columns.sql for columns", "no_such_table")
    assert [part for part in parts if part not in told] == []
    assert not error.value.transient


def test_a_session_cannot_write(live: Live, package: Path) -> None:
    change = copied_folder(live.dialect, package, probe="create table intruder (a integer)")
    with live.source(**change) as source:
        with pytest.raises(ResourceError, match="read-?only"):
            source.probe()
        assert "intruder" not in set(listed(source, "tables")["table"])


@pytest.mark.parametrize(("live", "entity"), NOT_THERE, indirect=["live"])
def test_an_entity_that_the_product_has_not_is_named(source: Source, entity: str) -> None:
    with pytest.raises(CapabilityMissing, match=f"no {entity}.sql"):
        listed(source, entity)


def test_a_server_that_is_too_old_is_refused(live: Live) -> None:
    with (
        live.source(minimum_version=(999,)) as source,
        pytest.raises(CapabilityMissing, match="999 is the oldest"),
    ):
        source.version()


def test_another_server_is_not_read(live: Live, source: Source) -> None:
    tables = listed(source, "tables")
    other = {"identity": {"server": "another"}, "position": {}}
    with pytest.raises(SourceUnavailable, match="another server answers"):
        list(source.pinned_to(other).columns(live.database, tables, COLUMNS.schema))


@pytest.mark.parametrize(
    ("live", "nowhere", "told"),
    [
        ("chdb", "chdb:///nowhere/nowhere", "nowhere"),
        ("clickhouse", "clickhouse://reader:s3cr%40t@127.0.0.1:1/nowhere", "127.0.0.1"),
        ("duckdb", "duckdb:///nowhere/nowhere.duckdb", "nowhere"),
        ("mariadb", "mariadb://reader:s3cr%40t@127.0.0.1:1/nowhere", "'127.0.0.1'"),
        ("mysql", "mysql://reader:s3cr%40t@127.0.0.1:1/nowhere", "'127.0.0.1'"),
        ("postgresql", "postgresql://reader:s3cr%40t@127.0.0.1:1/nowhere", "nowhere"),
        ("sqlite", "sqlite:///nowhere/nowhere.db", "nowhere"),
    ],
    indirect=["live"],
    ids=SOURCES,
)
def test_if_nobody_answers_it_may_be_tried_again(live: Live, nowhere: str, told: str) -> None:
    with live.at(nowhere).source() as source, pytest.raises(SourceUnavailable) as error:
        source.databases()
    assert error.value.transient
    assert told in str(error.value)
    assert "s3cr" not in "".join(traceback.format_exception(error.value))


@pytest.mark.parametrize(
    ("live", "wrong"),
    [
        *((name, {"username": "nobody"}) for name in ("mariadb", "mysql", "postgresql")),
        # The others look at the password first, and name only the user.
        ("postgresql", {"database": "nowhere"}),
    ],
    indirect=["live"],
    ids=str,
)
def test_a_refused_login_says_who_and_where_but_never_the_password(
    live: Live, wrong: dict[str, str]
) -> None:
    url = live.url.set(password="s3cr@t:/% x", **wrong)
    with live.at(url).source() as source, pytest.raises(ResourceError) as error:
        source.databases()
    shown = "".join(traceback.format_exception(error.value))
    assert "s3cr" not in shown
    assert next(iter(wrong.values())) in shown
    assert not error.value.transient
