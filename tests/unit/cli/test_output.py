"""Where a command's output goes: encodings without the text, full disks, nowhere."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.shop_versions import DIFF, SECOND, SECOND_CHANGES, Shop
from tests.states import MARKER

FULL = Path("/dev/full")
NAME = "größe € 😀"


@pytest.fixture(autouse=True)
def foreign(refreshed: Shop) -> None:
    """The third version's diff is about a table whose name is not in every encoding."""
    renamed = {
        entity: rows.with_columns(pl.lit(NAME).alias("table")) if "table" in rows.columns else rows
        for entity, rows in DIFF.items()
    }
    refreshed.commit(SECOND, SECOND_CHANGES, renamed, at=MARKER + timedelta(hours=2))


def command(*arguments: str, **how: Any) -> subprocess.CompletedProcess[bytes]:
    """The command line as a process of its own; its stderr is kept."""
    module = [sys.executable, "-m", "incremental_assets", *arguments]
    return subprocess.run(module, stderr=subprocess.PIPE, **how)


def diff_in(encoding: str, form: str) -> str:
    """What ``diff`` prints where stdout has this encoding."""
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = command("diff", "shop", "--format", form, stdout=subprocess.PIPE, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode(encoding)


def test_json_says_the_same_in_every_encoding() -> None:
    rows = [list(map(json.loads, diff_in(one, "jsonl").splitlines())) for one in ("ascii", "utf-8")]
    assert rows[0] == rows[1]
    assert NAME in {row.get("table") for row in rows[0]}


def test_people_see_escapes_for_what_the_encoding_has_not() -> None:
    assert "größe € 😀" in diff_in("utf-8", "table")
    assert r"größe \u20ac \ud83d\ude00" in diff_in("latin-1", "table")


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(
    "arguments", ["status", "history shop --json", "diff shop --format jsonl", "dialects"]
)
def test_a_full_disk_under_the_output_is_told_in_one_line(arguments: str) -> None:
    with FULL.open("wb") as full:
        done = command(*arguments.split(), stdout=full)
    told = "The output cannot be written: No space left on device.\n"
    assert (done.returncode, done.stderr.decode()) == (1, told)


def test_nobody_has_to_listen() -> None:
    done = command("history", "shop", preexec_fn=lambda: os.close(1))
    assert (done.returncode, done.stderr) == (0, b"")
