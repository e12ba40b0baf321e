"""Where a sink is: another place is a new sink, two at one place are refused, whole is whole."""

import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from incremental_assets.cli.running import Refresher
from incremental_assets.config.errors import ConfigError
from incremental_assets.config.loading import config_of, load_config
from incremental_assets.config.sinks import SinkConfig
from incremental_assets.config.yaml import Substitution
from incremental_assets.steps.due import WHOLE
from incremental_assets.steps.publishing import Published, publish_all
from incremental_assets.wiring import configured_sinks
from tests.laws.test_law10_publishing import ddl, url
from tests.live import NAME, refresh, refreshing, written_config
from tests.sinks import folds
from tests.states import s3_server


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    ddl(path, "create table item (id integer primary key, label text)")
    return path


def publish(
    refresher: Refresher, folder: Path, sink: dict[str, Any], again: Any = None
) -> Published:
    """Deliver to a sink as a file has it."""
    file = written_config(folder / "connections.yaml", "sqlite:///shop.db", sinks=[sink])
    dialect = refresher.config.connection(NAME).dialect()
    sinks = configured_sinks(load_config(file))[NAME]
    (done,) = publish_all(refresher.store(NAME), dialect, sinks, again)
    assert done.failed is None
    assert not done.behind
    return done


def rows_below(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / NAME / "changes" / "*.parquet")


@pytest.mark.parametrize(
    "other",
    [
        {"kind": "parquet", "path": "./b"},
        {"kind": "datahub", "path": "./a"},
        {"kind": "openlineage", "path": "./a"},
    ],
)
def test_another_place_or_kind_under_one_name_is_a_new_sink(
    file: Path, tmp_path: Path, other: dict[str, str]
) -> None:
    with refreshing(url(file)) as refresher:
        refresh(refresher)
        first = {"kind": "parquet", "path": "./a", "name": "out"}
        assert publish(refresher, tmp_path, first).whole == [1]
        assert publish(refresher, tmp_path, first).versions == []
        ddl(file, "create table other (id integer)")
        refresh(refresher)
        assert publish(refresher, tmp_path, {**other, "name": "out"}).whole == [2]


def test_the_same_place_from_another_directory_is_the_same(file: Path, tmp_path: Path) -> None:
    with refreshing(url(file)) as refresher:
        refresh(refresher)
        for folder in (tmp_path / "one", tmp_path / "two"):
            folder.mkdir()
            done = publish(refresher, folder, {"kind": "parquet", "path": "./a"})
        assert done.versions == []


def test_another_name_of_things_is_a_new_sink_and_another_timeout_is_not(
    file: Path, tmp_path: Path
) -> None:
    sink = {"kind": "datahub", "path": "./a"}
    with refreshing(url(file)) as refresher:
        refresh(refresher)
        publish(refresher, tmp_path, sink)
        assert publish(refresher, tmp_path, {**sink, "timeout_seconds": 7}).versions == []
        assert publish(refresher, tmp_path, {**sink, "platform_instance": "x"}).whole == [1]


@pytest.mark.parametrize("is_lost", [True, False])
def test_parquet_has_the_state_once_more_when_it_is_asked_for(
    file: Path, tmp_path: Path, is_lost: bool
) -> None:
    sink = {"kind": "parquet", "path": "./a"}
    with refreshing(url(file)) as refresher:
        refresh(refresher)
        publish(refresher, tmp_path, sink)
        ddl(file, "create table other (id integer)")
        refresh(refresher)
        publish(refresher, tmp_path, sink)
        before = folds.parquet(f"{tmp_path}/a/{NAME}/changes/*.parquet")
        if is_lost:
            shutil.rmtree(tmp_path / "a")
        for _ in range(2):
            assert publish(refresher, tmp_path, sink, WHOLE).whole == [2]
            rows = rows_below(tmp_path / "a")
            assert rows.filter(pl.col("version") == 2)["whole"].all()
            assert folds.parquet(f"{tmp_path}/a/{NAME}/changes/*.parquet") == before
        # What is there whole need not be there as a diff.
        publish(refresher, tmp_path, sink, 2)
        assert folds.parquet(f"{tmp_path}/a/{NAME}/changes/*.parquet") == before


@pytest.mark.parametrize("kind", ["atlan", "datahub", "openlineage", "parquet"])
def test_a_prefix_on_s3_will_do(
    file: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    path = f"s3://{s3_server().bucket()}/published"
    endpoint = {"endpoint_url": s3_server().endpoint, "region": "us-east-1"}
    sink = {"kind": kind, "path": path, **endpoint}
    with refreshing(url(file)) as refresher:
        refresh(refresher)
        assert publish(refresher, tmp_path, sink).whole == [1]
        ddl(file, "create table other (id integer)")
        refresh(refresher)
        assert publish(refresher, tmp_path, sink).versions == [2]
        assert publish(refresher, tmp_path, sink, 2).versions == [2]


def config(tmp_path: Path, *sinks: dict[str, Any], state: str = "./catalog") -> None:
    document = {
        "state": state,
        "connections": [{"name": NAME, "url": "sqlite:///shop.db", "sinks": list(sinks)}],
    }
    config_of(document, Substitution({}), tmp_path, "connections.yaml")


@pytest.mark.parametrize(
    ("sinks", "told"),
    [
        (
            [{"kind": "parquet", "path": "./a"}, {"kind": "parquet", "path": "a/", "name": "b"}],
            "the sinks parquet and b are at one place",
        ),
        (
            [
                {"kind": "datahub", "server": "https://h"},
                {"kind": "datahub", "server": "https://h", "name": "b"},
            ],
            "the sinks datahub and b are at one place",
        ),
        ([{"kind": "parquet", "path": "./catalog"}], "is that of `state`"),
        ([{"kind": "openlineage", "url": "http://u:secretive@h"}], "is no such address"),
        ([{"kind": "openlineage", "url": "nonsense"}], "is no such address"),
        ([{"kind": "datahub", "server": "localhost:8080"}], "is no such address"),
        ([{"kind": "atlan", "tenant": "https://h"}], "a tenant needs api_key and connection"),
        ([{"kind": "atlan"}], "needs path or tenant"),
        ([{"kind": "parquet", "path": "s3://bucket", "endpoint_url": "x"}], "is no such address"),
        ([{"kind": "parquet", "path": "s3://"}], "is no place on S3"),
        ([{"kind": "parquet", "path": "  "}], "path is not a directory"),
        ([{"kind": "parquet", "path": "a\0b"}], "a character that no path has"),
    ],
)
def test_a_place_that_cannot_be_one_is_refused_before_anything_starts(
    tmp_path: Path, sinks: list[dict[str, Any]], told: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        config(tmp_path, *sinks)
    assert told in str(raised.value)
    assert "secretive" not in str(raised.value)


def test_parts_of_an_address_are_secret_as_it_is() -> None:
    sink = SinkConfig.model_validate(
        {"kind": "webhook", "url": "https://h/services/T0001/v3rysecret"}
    )
    assert {"https://h/services/T0001/v3rysecret", "/services/T0001/v3rysecret", "v3rysecret"} < (
        sink.secrets()
    )
    bare = SinkConfig.model_validate({"kind": "webhook", "url": "https://hooks.example/"})
    assert bare.secrets() == frozenset()
