"""MariaDB and MySQL: sessions that only read, end where they should, and wait for nobody long."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from incremental_assets.core.entities import COLUMNS
from incremental_resources.source.errors import AccessDenied, CapabilityMissing, QueryFailed
from incremental_resources.source.source import Source
from tests import mysql_server
from tests.live import current, refresh, refreshing, state
from tests.sources import CATALOGUE, Live, Only, columns, copied_folder, listed, mysql, table
from tests.waiting import wait_until

# Takes hours.
LONG = "select sum(length(sha2(concat(a.id, b.id, c.id, d.id), 512))) as probe from " + ", ".join(
    f"information_schema.collations as {name}" for name in "abcd"
)


@pytest.fixture(params=["mariadb", "mysql"])
def shop(request: pytest.FixtureRequest) -> Live:
    live = mysql(request.getfixturevalue(f"{request.param}_database"))
    live.ddl(*CATALOGUE, "create table tail (a integer) comment 'the last'")
    return live


def plain_url(live: Live) -> str:
    return live.url.render_as_string(hide_password=False)


def running(live: Live, words: str) -> list[int]:
    """The sessions whose statement has these words."""
    with mysql_server.connected(plain_url(live)) as cursor:
        cursor.execute("show full processlist")
        return [
            row[0] for row in cursor.fetchall() if words in (row[7] or "") and row[4] != "Sleep"
        ]


def limited(live: Live, package: Path, probe: str, seconds: int) -> Source:
    changes = copied_folder(live.dialect, package, probe=f"/* {live.schema} */ {probe}")
    return Source(
        live.url,
        replace(live.dialect, **changes),
        Only("def", frozenset({live.schema})),
        statement_timeout_seconds=seconds,
        name="shop",
    )


def test_a_column_that_leads_to_names_that_differ_by_case_names_both(shop: Live) -> None:
    shop.ddl(
        "create table Product (id integer primary key)",
        "create table link (p integer, foreign key (p) references product (id), "
        "constraint second foreign key (p) references Product (id))",
    )
    with shop.source() as source:
        (led_to,) = columns(source, listed(source, "tables").filter(table="link"))["references"]
    assert json.loads(led_to) == [
        ["def", shop.schema, name, "id"] for name in ("Product", "product")
    ]


def test_a_default_does_not_say_that_its_column_is_invisible(shop: Live) -> None:
    shop.ddl("create table seen (id integer, at timestamp(3) default now(3) on update now(3))")
    with shop.source() as source:
        before = columns(source, listed(source, "tables").filter(table="seen"))
    shop.ddl("alter table seen modify at timestamp(3) default now(3) on update now(3) invisible")
    with shop.source() as source:
        after = columns(source, listed(source, "tables").filter(table="seen"))
    (told,) = before.filter(column="at")["default"]
    assert "on update" in told.lower()
    assert after.filter(column="at")["default"].to_list() == [told]


def test_a_statement_that_takes_too_long_ends_at_the_server(shop: Live, package: Path) -> None:
    with (
        limited(shop, package, LONG, 1) as source,
        pytest.raises(QueryFailed, match="statement_timeout_seconds") as error,
    ):
        source.probe()
    assert not error.value.transient
    wait_until(lambda: not running(shop, f"/* {shop.schema} */"))


def test_a_session_that_is_killed_is_told_and_may_be_tried_again(shop: Live, package: Path) -> None:
    def kill() -> None:
        wait_until(lambda: running(shop, f"/* {shop.schema} */"))
        (found,) = running(shop, f"/* {shop.schema} */")
        with mysql_server.connected(plain_url(shop)) as cursor:
            cursor.execute(f"kill {found}")

    killer = threading.Thread(target=kill)
    with limited(shop, package, LONG, 60) as source:
        killer.start()
        with pytest.raises(QueryFailed, match="connection was lost") as error:
            source.probe()
        killer.join()
    assert error.value.transient


def test_the_server_is_told_whose_session_it_is(request: pytest.FixtureRequest) -> None:
    # MariaDB keeps such attributes only where its performance_schema is switched on.
    shop = mysql(request.getfixturevalue("mysql_database"))
    with shop.source() as source, mysql_server.connected(plain_url(shop)) as cursor:
        source.clock()
        cursor.execute(
            "select count(*) from performance_schema.session_connect_attrs "
            "where attr_name = 'program_name' and attr_value = 'incremental-assets'"
        )
        assert cursor.fetchone()[0] >= 1


def test_the_url_of_the_other_product_is_told(shop: Live) -> None:
    other = {"mariadb": "mysql", "mysql": "mariadb"}[shop.dialect.name]
    elsewhere = shop.at(shop.url.set(drivername=other))
    with elsewhere.source() as source, pytest.raises(CapabilityMissing) as error:
        source.version()
    assert f"Write {shop.dialect.name}:// there" in str(error.value)


@contextmanager
def locked(live: Live, first: str, second: str) -> Iterator[None]:
    """``first`` is locked exclusively by somebody who waits for ``second``."""
    with mysql_server.connected(plain_url(live), autocommit=False) as reader:
        reader.execute(f"select * from {second}")
        migration = threading.Thread(
            target=live.ddl, args=(f"rename table {first} to {first}_new, {second} to moved",)
        )
        migration.start()
        try:
            wait_until(lambda: running(live, f"rename table {first}"))
            yield
        finally:
            reader.connection.rollback()
            migration.join()


def test_a_table_that_is_locked_keeps_what_is_known_of_it(shop: Live) -> None:
    # A view that reads both would make the migration's wait a deadlock on MariaDB.
    shop.ddl("drop view offer", "create table free (a integer)")
    shop.ddl("alter table product comment 'the first'")
    with refreshing(plain_url(shop)) as refresher:
        refresh(refresher)
        before = state(current(refresher))["columns"].collect()
        with locked(shop, "product", "tail"):
            shop.ddl("alter table free add column more integer")
            refresh(refresher)
            during = state(current(refresher))["columns"].collect()
            comments = state(current(refresher))["tables"].select("table", "comment").collect()
        refresh(refresher, accept_deletions=True)
        after = state(current(refresher))
    known = during.filter(pl.col("table") == "product")
    assert known.equals(before.filter(pl.col("table") == "product"))
    assert dict(comments.iter_rows())["product"] == "the first"
    assert during.filter(pl.col("table") == "free")["column"].to_list() == ["a", "more"]
    assert set(after["tables"].collect()["table"]) == {"free", "sale", "product_new", "moved"}


def test_tables_without_rows_can_be_left_out(shop: Live) -> None:
    shop.ddl("insert into product (id) values (1)")
    with refreshing(plain_url(shop), exclude_empty_tables=True) as refresher:
        refresh(refresher)
        tables = state(current(refresher))["tables"].collect()
        assert sorted(tables["table"]) == ["offer", "product"]
        shop.ddl("insert into tail values (1)")
        refresh(refresher)
        assert "tail" in state(current(refresher))["tables"].collect()["table"].to_list()


def test_what_is_locked_has_no_other_tables_comment(shop: Live) -> None:
    shop.ddl("drop view offer", "alter table product comment 'the first'")
    with shop.source() as source, locked(shop, "product", "sale"):
        comments = dict(listed(source, "tables").select("table", "comment").iter_rows())
    assert comments["tail"] == "the last"
    assert comments["sale"] is None
    assert comments["product"] in ("the first", None)


def test_a_wrong_password_is_told(shop: Live) -> None:
    wrong = shop.at(shop.url.set(username="nobody", password="s3cret word"))
    with wrong.source() as source, pytest.raises(AccessDenied, match="Fix user, password") as error:
        source.clock()
    assert "s3cret" not in str(error.value)


def test_twenty_thousand_tables_are_one_batch(request: pytest.FixtureRequest) -> None:
    shop = mysql(request.getfixturevalue("mariadb_database"))
    shop.ddl("create table one (id integer primary key)")
    with shop.source() as source:
        real = table(source, "one")
        names = [f"{'x' * 50}_{number:06}" for number in range(20_000)]
        asked = pl.DataFrame(
            {"schema": [shop.schema] * 20_001, "table": [*names, "one"], "native_id": None}
        ).with_columns(pl.col("native_id").cast(pl.String))
        read = pl.concat(source.columns("def", asked, COLUMNS.schema))
    assert read.select("table", "column").rows() == [("one", "id")]
    assert real["column_count"] == 1
