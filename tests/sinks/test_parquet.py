"""The sink `parquet`: one table that every reader takes, appended to, begun anew where it must.

The fold of its files over random DDL is held against the state in ``test_round_trip``.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.dataset
import pytest

from incremental_assets.config.sinks import SinkConfig
from incremental_assets.steps.rolling_back import roll_back
from incremental_resources.sinks.delivery import Sink
from incremental_resources.sinks.errors import SinkRefused, SinkUnavailable
from incremental_resources.sinks.kinds import Place, kind_named
from incremental_resources.sinks.parquet.table import SCHEMA
from incremental_resources.state_store.memory import MemoryObjects
from tests.builders import column, procedure, schema, state, table
from tests.folding import objects_of
from tests.live import NAME, current, refresh, refresh_as_a_person, refreshing
from tests.sinks import folds
from tests.sinks.made import made_delivery
from tests.states import overwrite

NASTY = 'a.b"/\n%😀'
FIRST = state(
    schemas=[schema("public", "n1")],
    tables=[table("item", "1"), table(NASTY, "2")],
    columns=[column("item", "id", 1), column(NASTY, NASTY, 1, comment=NASTY)],
    procedures=[procedure("tax", "9", language="sql")],
)
SECOND = state(
    schemas=[schema("public", "n1")],
    tables=[table("thing", "1"), table(NASTY, "2")],
    columns=[column("thing", "id", 1, data_type="bigint"), column(NASTY, NASTY, 1, comment=NASTY)],
)


def made(**options: Any) -> Sink:
    kind = kind_named("parquet")
    assert kind
    place = Place("files", NAME, "postgresql")
    return kind.make(kind.options.model_validate(options), place)


def published(folder: Path) -> str:
    """Two versions; the pattern of their files."""
    sink = made(path=str(folder))
    sink.publish(made_delivery(None, FIRST, 1))
    sink.publish(made_delivery(FIRST, SECOND, 2))
    return f"{folder}/{NAME}/changes/*.parquet"


def test_duckdb_polars_and_arrow_read_one_table(tmp_path: Path) -> None:
    pattern = published(tmp_path)
    by_polars = pl.read_parquet(pattern).sort(pl.all())
    by_duckdb = duckdb.sql(f"select * from read_parquet('{pattern}')").pl().sort(pl.all())
    folder = tmp_path / NAME / "changes"
    table = pyarrow.dataset.dataset(folder, format="parquet").to_table()
    by_arrow = pl.DataFrame(table).sort(pl.all())
    assert by_polars.schema == SCHEMA
    assert by_arrow.equals(by_polars)
    # DuckDB names the zone otherwise.
    times = pl.col("marker", "committed_at").dt.convert_time_zone("UTC")
    assert by_duckdb.with_columns(times).equals(by_polars)
    found = by_polars.filter(pl.col("entity") == "columns", pl.col("version") == 1)
    assert found["column"].to_list() == [NASTY, "id"]


def test_a_renamed_table_a_new_type_and_what_is_gone_are_rows(tmp_path: Path) -> None:
    query = """
        select entity, change, "table", "column", procedure, attribute, before, after,
            previous_table
        from read_parquet($1) where version = 2 and entity is not null order by entity, change
    """
    rows = duckdb.execute(query, [published(tmp_path)]).fetchall()
    told = [row if row[1] != "DELETED" else (*row[:6], None, *row[7:]) for row in rows]
    assert told == [
        ("columns", "UPDATED", "thing", "id", None, "data_type", '"integer"', '"bigint"', "item"),
        ("procedures", "DELETED", None, None, "tax", None, None, None, None),
        ("tables", "RENAMED", "thing", None, None, None, None, None, "item"),
    ]


def test_every_file_is_written_once(tmp_path: Path) -> None:
    published(tmp_path)
    folder = tmp_path / NAME / "changes"
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    assert [name.partition("-")[0] for name in sorted(before)] == ["00000001", "00000002"]
    published(tmp_path)
    assert before == {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()
    }


def test_what_replaces_everything_before_is_recognised(tmp_path: Path) -> None:
    """A rollback out of damage, whose parent is not the version that the sink had last."""
    file, objects = tmp_path / "shop.db", MemoryObjects()
    sinks = [SinkConfig.model_validate({"kind": "parquet", "path": str(tmp_path / "out")})]

    def ddl(statement: str) -> None:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute(statement)

    ddl("create table item (id integer primary key, label text)")
    with refreshing(f"sqlite:///{file}", objects, configured_sinks=sinks) as refresher:
        refresh(refresher)
        ddl("create table other (id integer)")
        refresh(refresher)
        version = current(refresher)
        overwrite(objects, f"{NAME}/{version.ref.manifest}", b"{}")
        done = roll_back(refresher.store(NAME), refresher.config.connection(NAME).dialect(), 1)
        assert done
        assert done.recovered
        ddl("drop table other")
        ddl("create table third (id integer)")
        refresh_as_a_person(refresher)
        ddl("alter table third add price integer")
        refresh(refresher)
        expected = objects_of(current(refresher))
    pattern = f"{tmp_path}/out/{NAME}/changes/*.parquet"
    query = "select distinct version from read_parquet($1) where whole order by all"
    wholes = [number for (number,) in duckdb.execute(query, [pattern]).fetchall()]
    assert wholes == [1, 4]
    since = tmp_path / "since.parquet"
    duckdb.execute(
        f"""copy (
            select * from read_parquet('{pattern}') where committed_at >= (
                select max(committed_at) from read_parquet('{pattern}') where whole)
        ) to '{since}' (format parquet)"""
    )
    found = folds.parquet(str(since))
    assert set(found["tables"]) == set(expected["tables"])
    assert set(found["columns"]) == set(expected["columns"])
    assert {key[2] for key in found["tables"]} == {"item", "third"}


def test_a_place_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkRefused, match="file"):
        made(path=str(tmp_path / "file")).publish(made_delivery(None, FIRST))


def test_a_bucket_that_does_not_answer_is_tried_again_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    sink = made(path="s3://bucket/changes", endpoint_url="http://127.0.0.1:9", region="eu-west-1")
    with pytest.raises(SinkUnavailable) as raised:
        sink.publish(made_delivery(None, FIRST))
    assert "s3cret" not in str(raised.value)
