"""The ways to a ClickHouse: refused logins, broken connections, limits, and who has a folder."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import make_url

from incremental_assets.core.entities import COLUMNS
from incremental_resources.source.dialect import dialect_for
from incremental_resources.source.dialects.clickhouse import doors
from incremental_resources.source.errors import (
    AccessDenied,
    CapabilityMissing,
    QueryFailed,
    SourceUnavailable,
)
from tests import clickhouse_server
from tests.clickhouse_server import Faults
from tests.contract.test_dialects import ODD_NAMES
from tests.sources import CATALOGUES, Live, chdb_folder, listed, quoted, table
from tests.waiting import wait_until

OPENED = """
import chdb, sys
connection = chdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class Served:
    """A live database over HTTP, and what goes wrong on the way."""

    live: Live
    faults: Faults


@pytest.fixture
def folder(tmp_path: Path) -> Live:
    live = chdb_folder(tmp_path / "shop")
    live.ddl(*CATALOGUES["chdb"])
    return live


@pytest.fixture
def served(folder: Live) -> Iterator[Served]:
    path = Path(str(folder.url.database))
    with clickhouse_server.serving(path) as (port, faults):
        login = f"{clickhouse_server.USER}:s3cr%40t%3A%2F%25"
        yield Served(folder.at(f"clickhouse://{login}@127.0.0.1:{port}/shop"), faults)


def test_a_wrong_password_says_who_and_never_the_password(served: Served) -> None:
    url = served.live.url.set(password="wr0ngest-of-all")
    with served.live.at(url).source() as source, pytest.raises(AccessDenied) as error:
        source.databases()
    assert "the login was refused" in str(error.value)
    assert clickhouse_server.USER in str(error.value)
    assert "wr0ng" not in str(error.value)
    assert not error.value.transient


def test_a_password_that_reads_like_a_switch_is_a_password(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clickhouse_server, "PASSWORD", "true")
    with served.live.at(served.live.url.set(password="true")).source() as source:
        assert source.databases() == ["clickhouse"]


def test_a_connection_that_breaks_off_in_an_answer_may_be_tried_again(served: Served) -> None:
    with served.live.source() as source:
        served.faults.hang_up = "system.columns"
        with pytest.raises(QueryFailed, match="the connection was lost") as error:
            listed(source, "tables")
        assert error.value.transient
        served.faults.hang_up = None
        assert listed(source, "tables").height == 3


@pytest.mark.parametrize(
    ("answer", "kind", "told", "transient"),
    [
        (
            "Code: 497. DB::Exception: reader: Not enough privileges. To execute this query, it's "
            "necessary to have the grant SHOW COLUMNS ON *.*. (ACCESS_DENIED)",
            AccessDenied,
            "SHOW COLUMNS",
            False,
        ),
        (
            "Code: 159. DB::Exception: Timeout exceeded: elapsed 30 seconds. (TIMEOUT_EXCEEDED)",
            QueryFailed,
            "statement_timeout_seconds",
            False,
        ),
        (
            "Code: 394. DB::Exception: Query was cancelled. (QUERY_WAS_CANCELLED)",
            QueryFailed,
            "somebody stopped",
            False,
        ),
        (
            "Code: 241. DB::Exception: Memory limit (total) exceeded. (MEMORY_LIMIT_EXCEEDED)",
            QueryFailed,
            "It passes",
            True,
        ),
        (
            "Code: 47. DB::Exception: Unknown expression identifier. (UNKNOWN_IDENTIFIER)",
            QueryFailed,
            "Unknown expression",
            False,
        ),
    ],
    ids=["grant", "timeout", "killed", "memory", "other"],
)
def test_what_the_server_says_is_told_with_what_to_do(
    served: Served, answer: str, kind: type[Exception], told: str, transient: bool
) -> None:
    served.faults.answers["system.columns"] = answer
    with served.live.source() as source, pytest.raises(kind, match=told) as error:
        listed(source, "tables")
    assert "tables.sql for tables" in str(error.value)
    assert getattr(error.value, "transient", False) is transient


def test_every_statement_is_read_only_and_limited(served: Served) -> None:
    with served.live.source() as source:
        served.faults.seen.clear()
        listed(source, "columns")
    asked = [settings for text, settings in served.faults.seen if "system.settings" not in text]
    ours = [one for one in asked if "max_execution_time" in one]
    assert len(ours) >= 4
    assert {(one["readonly"], one["max_execution_time"]) for one in ours} == {("2", "30")}


def test_a_session_leaves_no_connection(served: Served) -> None:
    with served.live.source() as source:
        listed(source, "tables")
    wait_until(lambda: served.faults.open_connections() == 0)


def test_many_tables_are_read_in_one_batch(served: Served) -> None:
    number = 25_000
    names = ["product", *(f"a_table_with_a_name_of_some_length_{at}" for at in range(number))]
    asked = pl.DataFrame({"schema": ["shop"] * len(names), "table": names}).with_columns(
        native_id=pl.lit(None, pl.String)
    )
    with served.live.source() as source:
        read = pl.concat([COLUMNS.empty(), *source.columns("clickhouse", asked, COLUMNS.schema)])
    assert read["column"].to_list() == ["id", "name"]


def test_what_is_no_text_is_told(served: Served, folder: Live) -> None:
    statement = r"create table odd (a Int32) order by a comment '\xff\xfe'"
    clickhouse_server.run(Path(str(folder.url.database)), "shop", [statement])
    with served.live.source() as source, pytest.raises(QueryFailed, match="not UTF-8"):
        listed(source, "tables")


def test_without_a_host_or_a_folder_a_url_is_refused() -> None:
    for url, told in (
        ("clickhouse:///shop", "must name a host"),
        ("chdb://", "must name a folder"),
        ("chdb://host/shop", "must name a folder"),
    ):
        with pytest.raises(CapabilityMissing, match=told):
            dialect_for(url).database_of(make_url(url))


def test_the_database_of_a_url_is_a_schema() -> None:
    url = make_url("clickhouse://reader@host/shop")
    assert dialect_for(url).database_of(url) == "clickhouse"
    assert dialect_for(url).schemas_of(url) == ("shop",)
    assert dialect_for(url).schemas_of(make_url("chdb:////some/folder")) == ()


def test_a_folder_that_another_process_has_is_waited_for_and_then_told(
    folder: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "PATIENCE_SECONDS", 0.3)
    command = [sys.executable, "-c", OPENED, str(folder.url.database)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        try:
            with folder.source() as source, pytest.raises(SourceUnavailable, match="one process"):
                source.databases()
        finally:
            other.kill()
    with folder.source() as source:
        assert listed(source, "tables").height == 3


def test_another_folder_of_this_process_is_waited_for_and_then_told(
    folder: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "PATIENCE_SECONDS", 0.3)
    other = chdb_folder(tmp_path / "other")
    with (
        clickhouse_server.serving(Path(str(other.url.database))),
        folder.source() as source,
        pytest.raises(SourceUnavailable, match="one folder at a time") as error,
    ):
        source.databases()
    assert error.value.transient


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    live = chdb_folder(tmp_path / "shop").at(f"chdb:///{tmp_path}/nowhere")
    with live.source() as source, pytest.raises(SourceUnavailable, match="does not exist"):
        source.databases()
    assert not (tmp_path / "nowhere").exists()


def test_kinds_and_what_belongs_to_none(folder: Live) -> None:
    folder.ddl(
        "create materialized view m engine = MergeTree order by id as select id from product",
        "create materialized view mt to product as select id, 'x' as name from sale",
        "create dictionary k (id UInt64, name String) primary key id "
        "source(clickhouse(table 'product' db 'shop')) layout(flat()) lifetime(10)",
        "create table kept (id Int32) engine = Memory",
    )
    with folder.source() as source:
        tables = listed(source, "tables")
        ids = tables["native_id"]
        folder.ddl("rename table kept to renamed")
        renamed = table(source, "renamed")["native_id"]
    assert dict(tables.select("table", "kind").rows()) == {
        "k": "OTHER",
        "kept": "TABLE",
        "m": "MATERIALIZED VIEW",
        "mt": "MATERIALIZED VIEW",
        "offer": "VIEW",
        "product": "TABLE",
        "sale": "TABLE",
    }
    assert ids.null_count() == 0
    assert renamed == tables.row(by_predicate=pl.col("table") == "kept", named=True)["native_id"]


def test_what_columns_say_of_how_they_are_filled(folder: Live) -> None:
    folder.ddl(
        "create table filled (a Int32, d Int32 default 1, m Int32 materialized a + 1, "
        "l Int32 alias a + 2, e Int32 ephemeral, n LowCardinality(Nullable(String)), "
        "p Decimal(9, 3), f FixedString(4)) engine = MergeTree order by (a, d) primary key a"
    )
    with folder.source() as source:
        read = listed(source, "columns").filter(pl.col("table") == "filled").sort("ordinal")
    facts = ("column", "default", "is_generated", "nullable", "is_primary_key")
    assert read.select(facts).rows() == [
        ("a", None, False, False, True),
        ("d", "1", False, False, False),
        ("m", "a + 1", True, False, False),
        ("l", "a + 2", True, False, False),
        ("e", "defaultValueOfTypeName('Int32')", False, False, False),
        ("n", None, False, True, False),
        ("p", None, False, False, False),
        ("f", None, False, False, False),
    ]
    sizes = read.select("numeric_precision", "numeric_scale", "max_length").rows()
    assert sizes[6:] == [(9, 3, None), (None, None, 4)]


def test_names_of_databases_survive_unchanged(folder: Live) -> None:
    for name in map(quoted, ODD_NAMES):
        folder.ddl(f"create database {name}", f"create table {name}.{name} (a Int32) order by a")
    with folder.source(schemas=ODD_NAMES) as source:
        schemas = set(listed(source, "schemas")["schema"])
        tables = listed(source, "tables")
        read = listed(source, "columns").select("schema", "table", "column").rows()
    assert schemas == set(ODD_NAMES)
    assert sorted(tables.select("schema", "table").rows()) == sorted((n, n) for n in ODD_NAMES)
    assert sorted(read) == sorted((n, n, "a") for n in ODD_NAMES)
