"""Law 9 for sinks: no url of a webhook, secret, token or key is printed, logged or stored."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from incremental_assets import build_definitions, load_config
from incremental_assets.wiring import configured_sinks

SECRETS = {
    "HOOK": "hook/s3cret path+of&mine",
    "SIGNING": "sign1ng s3cret/of%mine",
    "HEADER": "header s3cret+of=mine",
    "TOKEN": "t0ken of mine/and&more",
    "KEY": "k3y of mine/and&more",
    "TENANT": "t3nant key of mine/and&more",
}
SINKS = [
    {
        "kind": "webhook",
        "url": "http://127.0.0.1:9/${HOOK}",
        "secret": "${SIGNING}",
        "headers": {"X-Key": "${HEADER}"},
    },
    {"kind": "datahub", "server": "http://127.0.0.1:9", "token": "${TOKEN}"},
    {"kind": "openlineage", "url": "http://127.0.0.1:9", "api_key": "${KEY}"},
    {
        "kind": "atlan",
        "tenant": "http://127.0.0.1:9",
        "api_key": "${TENANT}",
        "connection_qualified_name": "default/sqlite/1234567890",
    },
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where four sinks that are down were published to, with all that was printed."""
    folder = tmp_path_factory.mktemp("sinks")
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        connection.execute("create table item (id integer)")
    connection = {"name": "shop", "url": "sqlite:///shop.db", "sinks": SINKS}
    (folder / "connections.yaml").write_text(json.dumps({"connections": [connection]}))
    commands = (
        ["--verbose", "refresh"],
        ["--debug", "publish", "shop", "--json"],
        ["--debug", "check"],
        ["status", "--json"],
        ["status"],
    )
    printed = ""
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "incremental_assets", *command],
            cwd=folder,
            env={**os.environ, **SECRETS, "DAGSTER_HOME": str(folder / "home")},
            capture_output=True,
            text=True,
            check=False,
        )
        printed += done.stdout + done.stderr
    (folder / "printed").write_text(printed)
    return folder


def test_what_was_printed_and_stored_tells_of_the_sinks_and_holds_no_secret(folder: Path) -> None:
    assert (
        "Sink webhook: No connection to http://127.0.0.1:9: nothing listens there"
        in (folder / "printed").read_text()
    )
    forms = [form for one in SECRETS.values() for form in (one, quote(one), quote(one, safe=""))]
    looked_at = 0
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            looked_at += 1
            content = file.read_bytes()
            assert [form for form in forms if form.encode() in content] == [], file
    assert looked_at > 10


def test_no_object_shows_a_secret(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    config = load_config(folder / "connections.yaml")
    shown = [repr(config), config.model_dump_json(), repr(configured_sinks(config))]
    shown += [repr(build_definitions(config).resources)]
    assert [secret for secret in SECRETS.values() for one in shown if secret in one] == []


def test_a_variable_that_is_not_set_is_told_and_keeps_nobody_from_reading(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SECRETS:
        monkeypatch.delenv(name, raising=False)
    done = {
        command: subprocess.run(
            [sys.executable, "-m", "incremental_assets", command, "shop"],
            cwd=folder,
            env={**os.environ, "DAGSTER_HOME": str(folder / "home")},
            capture_output=True,
            text=True,
            check=False,
        )
        for command in ("status", "publish")
    }
    assert done["status"].returncode == 0
    assert "sink datahub: no version yet, behind" in done["status"].stdout
    assert done["publish"].returncode == 1
    assert "sinks[1].token: the environment variable TOKEN is not set" in done["publish"].stderr
