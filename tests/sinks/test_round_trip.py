"""What sinks wrote for version 1 and every diff after it, folded, is what an export of today says.

Random DDL on a live PostgreSQL and a SQLite file; each format is read as ``folds`` says.
"""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import note

from incremental_assets.cli.running import Refresher
from incremental_assets.config.sinks import SinkConfig
from incremental_resources.sinks.kinds import Place, kind_named
from tests.ddl import play, settle
from tests.ddl_sqlite import play_in_file, sqlite_player
from tests.deliveries import current
from tests.folding import objects_of
from tests.games import play_games, player
from tests.live import NAME, refresh, refresh_as_a_person, refreshing
from tests.live import current as version_of
from tests.sinks import folds
from tests.sinks.servers import AtlanTenant, Gms, serving

ATLAN = {"connection_qualified_name": "default/sqlite/1234567890"}
KINDS = ("atlan", "datahub", "openlineage", "parquet")


@pytest.fixture(params=[2, pytest.param(12, marks=pytest.mark.campaign)])
def games(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def sinks_at(folder: Path) -> list[SinkConfig]:
    return [SinkConfig.model_validate({"kind": kind, "path": str(folder / kind)}) for kind in KINDS]


def exported(refresher: Refresher, kind: str, folder: Path, **more: str) -> Path:
    """What ``export`` gives, as a file."""
    found = kind_named(kind)
    assert found
    assert found.write_snapshot
    dialect = refresher.config.connection(NAME).dialect()
    options = found.options.model_validate({"path": str(folder), **more})
    stream, place = io.BytesIO(), Place(kind, NAME, dialect.name)
    found.write_snapshot(current(refresher.store(NAME), dialect), options, place, stream)
    (folder / f"{kind}.export").write_bytes(stream.getvalue())
    return folder / f"{kind}.export"


def assert_round_trip(refresher: Refresher, folder: Path) -> None:
    lines = sorted(folder.glob(f"openlineage/{NAME}/openlineage/*.jsonl"))
    now = folds.openlineage([exported(refresher, "openlineage", folder)])
    assert folds.openlineage(lines) == now
    proposals = sorted(folder.glob(f"datahub/{NAME}/datahub/*.json"))
    assert folds.datahub(proposals) == folds.datahub([exported(refresher, "datahub", folder)])
    assert_atlan(refresher, folder)
    assert_parquet(refresher, folder)


def assert_atlan(refresher: Refresher, folder: Path) -> None:
    root, export = folder / "atlan" / NAME, exported(refresher, "atlan", folder)
    diffs = [
        file
        for run in sorted(root.glob("runs/*/incremental-diff"))
        for pattern in ("delete/*/*.json", "[!d]*/*.json", "database/*.json")
        for file in sorted(run.glob(pattern))
    ]
    assert folds.atlan(diffs) == folds.atlan([export])
    names = json.loads((root / "current-state" / "metadata.json").read_text())["files"].values()
    whole = b"".join((root / "current-state" / name).read_bytes() for name in names)
    assert whole == export.read_bytes()
    files = {file.relative_to(root / "current-state") for file in root.glob("current-state/*/*")}
    assert files == set(map(Path, names))


def assert_parquet(refresher: Refresher, folder: Path) -> None:
    found = folds.parquet(f"{folder}/parquet/{NAME}/changes/*.parquet")
    expected: dict[str, Any] = objects_of(version_of(refresher))
    told = {
        entity: {key: json.loads(json.dumps(value, default=_text)) for key, value in rows.items()}
        for entity, rows in expected.items()
    }
    assert found == told


def _text(moment: Any) -> str:
    return str(moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def play_through(
    url: str, folder: Path, random: Random, move: Callable[[Random], list[str]]
) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with refreshing(url, configured_sinks=sinks_at(folder)) as refresher:
        refresh(refresher)
        assert_round_trip(refresher, folder)
        for _ in range(3):
            note(";\n".join(move(random)))
            refresh_as_a_person(refresher)
            assert_round_trip(refresher, folder)


def test_on_a_live_postgresql(fresh_database: str, tmp_path: Path, games: int) -> None:
    def game(random: Random) -> None:
        settle(connection)
        play_through(
            fresh_database, tmp_path / "sinks", random, lambda chance: play(connection, chance)
        )

    with player(fresh_database) as connection:
        play_games(game, games=games)


def test_on_a_file(tmp_path: Path, games: int) -> None:
    file = tmp_path / "played.db"

    def game(random: Random) -> None:
        file.unlink(missing_ok=True)
        with sqlite_player(file) as connection:
            play_through(
                f"sqlite:///{file}",
                tmp_path / "sinks",
                random,
                lambda chance: play_in_file(connection, chance),
            )

    play_games(game, games=games)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_servers_hold_is_what_an_export_says(tmp_path: Path, games: int) -> None:
    file = tmp_path / "played.db"

    def game(random: Random) -> None:
        file.unlink(missing_ok=True)
        gms, tenant = Gms(), AtlanTenant()
        with sqlite_player(file) as connection, serving(gms), serving(tenant):
            sinks = [
                {"kind": "datahub", "server": gms.origin},
                {"kind": "atlan", "tenant": tenant.origin, "api_key": "k", **ATLAN},
            ]
            configured = [SinkConfig.model_validate(one) for one in sinks]
            with refreshing(f"sqlite:///{file}", configured_sinks=configured) as refresher:
                for _ in range(3):
                    refresh_as_a_person(refresher)
                    assert_servers_hold(refresher, gms, tenant, tmp_path)
                    note(";\n".join(play_in_file(connection, random)))

    play_games(game, games=max(1, games // 3))


def assert_servers_hold(refresher: Refresher, gms: Gms, tenant: AtlanTenant, folder: Path) -> None:
    sent = folder / "sent.json"
    sent.write_text(json.dumps(gms.proposals()))
    assert folds.datahub([sent]) == folds.datahub([exported(refresher, "datahub", folder)])
    export = folds.atlan([exported(refresher, "atlan", folder, **ATLAN)])
    assert set(tenant.entities) == set(export)
    for key, entity in tenant.entities.items():
        told = {**entity["attributes"], **entity["customAttributes"]}
        assert told["name"] == export[key]["attributes"]["name"]
        assert told.get("definition") == export[key]["attributes"].get("definition")
        assert told.get("dataType") == export[key]["attributes"].get("dataType")
