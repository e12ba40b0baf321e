"""What sinks write, held against what the catalogs' own packages accept, and their own names."""

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

from incremental_resources.sinks.datahub.urns import Namer
from incremental_resources.sinks.kinds import Place, kind_named
from tests.builders import column, database, procedure, schema, state, table
from tests.ddl import play, settle
from tests.games import player
from tests.live import NAME, refresh, refresh_as_a_person, refreshing
from tests.sinks.made import made_delivery
from tests.sinks.test_round_trip import exported, sinks_at

PROGRAMS = Path(sys.executable).parent
VALIDATING = Path(__file__).with_name("validating.py")
HOSTILE = ("a,b", "(c)", "d/e", "f%2Fg", 'h"i"', "j.k", "l\nm", "😀", " n ", "o␟p", "'q'\\", "%2E")


def checked(kind: str, files: list[Path]) -> None:
    """Let the package of the kind look at every file."""
    assert files
    if kind == "datahub":
        variables = {**os.environ, "DATAHUB_TELEMETRY_ENABLED": "false"}
        for file in files:
            command = [PROGRAMS / "datahub", "check", "metadata-file", file]
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, env=variables
            )
            assert done.returncode == 0, done.stdout + done.stderr
        return
    done = subprocess.run(
        [sys.executable, VALIDATING, kind, *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_a_live_database_leads_to_is_accepted(fresh_database: str, tmp_path: Path) -> None:
    random = Random(3)
    with player(fresh_database) as connection:
        settle(connection)
        with refreshing(
            fresh_database, configured_sinks=sinks_at(tmp_path), partitions="list"
        ) as refresher:
            refresh(refresher)
            for _ in range(2):
                play(connection, random)
                refresh_as_a_person(refresher)
            checked("atlan", [exported(refresher, "atlan", tmp_path)])
    events = sorted(tmp_path.glob(f"openlineage/{NAME}/openlineage/*.jsonl"))
    checked("openlineage", [one for one in events if one.stat().st_size])
    checked("datahub", sorted(tmp_path.glob(f"datahub/{NAME}/datahub/*.json")))


def test_names_of_any_kind_are_accepted_and_stay_apart(tmp_path: Path) -> None:
    kinds = ("TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "OTHER")
    places = list(enumerate(HOSTILE))
    hostile = state(
        databases=[database()],
        schemas=[schema(), schema("a.b"), schema("a")],
        tables=[
            *(table(name, f"{n}", kind=kinds[n % len(kinds)]) for n, name in places),
            table("c", "90", schema="a.b"),
            table("b.c", "91", schema="a"),
        ],
        columns=[
            *(column(name, inner, n) for name in HOSTILE for n, inner in places),
            column("c", "x", schema="a.b"),
            column("b.c", "x", schema="a"),
        ],
        procedures=[
            *(procedure(name, f"{n}") for n, name in places),
            *(
                procedure("same", f"{80 + n}", kind=kind)
                for n, kind in enumerate(("FUNCTION", "PROCEDURE", "MACRO", "TABLE MACRO"))
            ),
        ],
    )
    delivery, place = made_delivery(None, hostile), Place("one", "shop", "postgresql")
    for kind in ("atlan", "datahub", "openlineage"):
        found = kind_named(kind)
        assert found
        assert found.write_snapshot
        with (tmp_path / kind).open("wb") as stream:
            options = found.options.model_validate({"path": "."})
            found.write_snapshot(delivery, options, place, stream)
        checked(kind, [tmp_path / kind])
    urns = {one["entityUrn"] for one in json.loads((tmp_path / "datahub").read_text())}
    assert len([urn for urn in urns if urn.startswith("urn:li:dataset:")]) == len(HOSTILE) + 2
    lines = (tmp_path / "openlineage").read_text().splitlines()
    assert len({json.loads(line)["dataset"]["name"] for line in lines}) == len(HOSTILE) + 2


def test_containers_and_datasets_are_named_as_datahub_names_them() -> None:
    code = """
import json, sys
from datahub.emitter.mce_builder import make_dataset_urn_with_platform_instance as dataset
from datahub.emitter.mcp_builder import DatabaseKey, SchemaKey
from datahub.metadata.urns import DatasetUrn
key = dict(platform="postgres", instance="prod", database="shop")
print(json.dumps([
    DatabaseKey(**key).as_urn(),
    SchemaKey(**key, schema="public").as_urn(),
    dataset("postgres", "shop.public.a,(b)", "prod", "PROD"),
    DatabaseKey(platform="mysql", database="shop").as_urn(),
    dataset("mysql", "shop.item", None, "PROD"),
]))
for line in sys.stdin:
    DatasetUrn.from_string(line.strip())
"""
    namer = Namer("postgres", "PROD", "prod")
    mysql = Namer("mysql", "PROD", is_one_level=True)
    urns = [namer.dataset("shop", "public", name) for name in HOSTILE]
    done = subprocess.run(
        [sys.executable, "-c", code],
        input="\n".join(urn.replace("\n", "") for urn in urns),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == [
        namer.container(["shop"]),
        namer.container(["shop", "public"]),
        namer.dataset("shop", "public", "a,(b)"),
        mysql.container(["def", "shop"]),
        mysql.dataset("def", "shop", "item"),
    ]
