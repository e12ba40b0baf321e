"""A Dagster home that cannot be used is told in one message, whichever command needs it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shop_versions import Run, Shop

# Root may do anything, in whatever mode a file is; without these two it may not.
LIMITED = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
ROOT = Path(__file__).parents[3]
COMMANDS = (("status",), ("refresh",), ("rollback", "shop", "1"), ("ui", "--port", "47913"))


@pytest.fixture
def home(shop: Shop, run: Run) -> Iterator[Path]:
    """One in which a run was made; it may be removed afterwards."""
    assert run("refresh", "shop").exit_code == 0
    home = shop.directory / "home"
    yield home
    home.chmod(0o755)
    for at in home.rglob("*"):
        at.chmod(0o755)


def told_without_rights(where: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A command by somebody who may not do what a file's mode does not allow."""
    root = os.getuid() == 0
    if root and shutil.which(LIMITED[0]) is None:
        pytest.skip("NOT TRIED: root may write anywhere, and setpriv is not there to prevent it")
    return subprocess.run(
        [*(LIMITED if root else ()), sys.executable, "-m", "incremental_assets", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=where,
        capture_output=True,
        text=True,
        check=False,
    )


def assert_told(stderr: str, home: Path, reason: str) -> None:
    """One message that names the home, the reason and what to do."""
    assert stderr == (
        f"ConfigError: {home} cannot be used as Dagster's home: {reason}. "
        "Set DAGSTER_HOME to a directory that can be written (for a demo, --keep).\n"
    )


@pytest.mark.parametrize("command", [*COMMANDS, ("demo", "--stop")], ids=lambda command: command[0])
def test_a_home_that_nobody_may_enter(home: Path, command: tuple[str, ...]) -> None:
    home.chmod(0o000)

    told = told_without_rights(home.parent, *command)

    assert_told(told.stderr, home, "Permission denied")
    assert told.returncode == 1


@pytest.mark.parametrize("command", COMMANDS[:2], ids=lambda command: command[0])
def test_a_home_that_may_only_be_read(home: Path, command: tuple[str, ...]) -> None:
    for at in (*home.rglob("*"), home):
        at.chmod(0o555 if at.is_dir() else 0o444)

    told = told_without_rights(home.parent, *command)

    assert_told(told.stderr, home, "attempt to write a readonly database")
    assert told.returncode == 1


def test_a_directory_in_which_no_home_can_be_made(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME")
    tmp_path.chmod(0o555)

    told = told_without_rights(tmp_path, "refresh", "shop")

    tmp_path.chmod(0o755)
    assert_told(told.stderr, tmp_path / ".dagster_home", "Permission denied")
    assert told.returncode == 1


def test_a_demo_is_not_kept_in_a_file(shop: Shop, run: Run) -> None:
    there = shop.directory / "shop.db"

    told = run("demo", "--keep", str(there))

    assert_told(told.stderr, there, "Not a directory")
    assert told.exit_code == 1


@pytest.mark.parametrize("name", ["u%41", "u?b"])
def test_a_path_that_dagster_would_take_for_another_is_refused(
    shop: Shop, run: Run, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    home = shop.directory / name
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    # What the name comes out as in a URL: it must be left alone, although it could be written.
    (shop.directory / "uA" / "storage" / "runs").mkdir(parents=True)

    told = run("refresh", "shop")

    assert told.stderr == (
        f"ConfigError: {home} cannot be used as Dagster's home: Dagster would keep its storage in "
        f"another directory than {home}, because it takes % and ? in a path for something else. "
        "Set DAGSTER_HOME to a directory without them (for a demo, --keep).\n"
    )
    assert told.exit_code == 1
    assert list((shop.directory / "uA").rglob("*.db")) == []


def test_a_path_with_a_percent_sign_that_stays_one_is_a_home(
    shop: Shop, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(shop.directory / "100% #1"))

    told = run("refresh", "shop")

    assert told.exit_code == 0, told.output
