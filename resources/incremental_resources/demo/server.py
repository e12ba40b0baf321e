"""The demo's own PostgreSQL server: starts at first use, outlives its starter, stops on request.

Belongs here: the life of the server and of its data directory. Does not belong here: what the
database holds (``shop.py``), and who stops the server when (the command line).
"""

import fcntl
import os
import re
import shlex
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from incremental_resources.demo.errors import DemoUnavailable
from incremental_resources.demo.postmaster import SOCKET_NAME, Postmaster, orphans
from incremental_resources.demo.programs import Account, account_for, binary

# What a demo leaves in its home. Anything else there is somebody's, and nothing is removed.
CONTENTS = frozenset(
    {"pgdata", "pgdata.new", "server.log", "catalog", "connections.yaml", ".dagster_home"}
)

# Nothing here survives a power cut, and nothing moves by itself between two refreshes.
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "50",
    "shared_buffers": "32MB",
    "max_locks_per_transaction": "256",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "wal_skip_threshold": "0",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

SUPERUSER = "postgres"
START_SECONDS = 20.0
# A socket's address holds 107 bytes (103 on macOS), and SQLAlchemy splits a host at , and :
SOCKET_PATH_BYTES = 103
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./ @+=-]+")
SOCKET_DIRECTORY_PREFIX = "incremental-assets-socket-"


class DemoServer:
    """A PostgreSQL server whose files are below ``home``; any number of processes share it.

    It listens only on a Unix socket in a directory of its own: there is no port to collide with,
    and no password is needed, because nobody but the owner gets there.
    """

    def __init__(self, home: Path) -> None:
        self._home = home.expanduser().resolve()
        self._pgdata = self._home / "pgdata"
        self._log = self._home / "server.log"

    def url(self, database: str = "shop") -> str:
        """The URL of ``database``, for SQLAlchemy and for psql; starts the server."""
        host = quote(str(self._started().socket_directory), safe="")
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={host}"

    def psql_command(self, database: str = "shop") -> str:
        """The shell command that opens psql on ``database``; starts the server."""
        host = str(self._started().socket_directory)
        psql = shutil.which("psql") or str(binary("psql"))
        return shlex.join([psql, "-h", host, "-U", SUPERUSER, database])

    def running(self) -> bool:
        """True while the server answers."""
        return self._answering() is not None

    def stop(self) -> None:
        """Stop the server, whoever started it; its data stay."""
        if self._home.is_dir():
            with self._locked():
                self._stop()

    def reset(self) -> None:
        """Stop the server and empty the home.

        Raises:
            DemoUnavailable: the home holds files that no demo put there.
        """
        if not self._home.is_dir():
            return
        with self._locked():
            self._refuse_foreign_files()
            self._stop()
            for entry in self._home.iterdir():
                _remove(entry)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # The directory itself is locked: emptying it does not take the lock away.
        try:
            self._home.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._home, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise DemoUnavailable(
                f"The demo cannot use {self._home} ({error.strerror}). Give another directory."
            ) from None
        try:
            self._refuse_foreign_home(os.fstat(handle))
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _answering(self) -> Postmaster | None:
        server = Postmaster.read(self._pgdata)
        return server if server is not None and server.ready and server.answers() else None

    def _started(self) -> Postmaster:
        found = self._answering()
        if found is not None:
            return found
        with self._locked():
            return self._answering() or self._adopted() or self._start()

    def _adopted(self) -> Postmaster | None:
        """The server that a process began to start and did not live to see ready."""
        server = Postmaster.read(self._pgdata)
        if server is None or server.ready or not server.exists():
            return None
        if _wait(server.answers, 2.0):
            _wait(lambda: self.running() or not server.exists(), START_SECONDS)
        return self._answering()

    def _start(self) -> Postmaster:
        if not self._pgdata.exists():
            self._initialise()
        deadline = time.monotonic() + START_SECONDS
        while True:
            self._forget(Postmaster.read(self._pgdata))
            server = self._launch()
            if server is not None:
                return server
            # The processes of a killed server keep its memory until they notice.
            if "is still in use" not in self._log_end() or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        raise DemoUnavailable(
            f"The demo's PostgreSQL in {self._home} does not start. Its log ends with: "
            f"{self._log_end()!r}. If its data are damaged, `incremental-assets demo` begins anew."
        )

    def _initialise(self) -> None:
        for pid in orphans(self._pgdata):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        # Renamed when finished: an interrupted initdb must not pass for a data directory.
        fresh = self._home / "pgdata.new"
        _remove(fresh)
        fresh.mkdir(mode=0o700)
        account = account_for(fresh)
        account.give(fresh)
        account.reach(fresh)
        account.reach(binary("initdb"))
        options = ["--no-sync", "--no-locale", "--encoding=UTF8", "--no-instructions"]
        access = ["--auth-local=trust", "--auth-host=reject", f"--username={SUPERUSER}"]
        result = account.run([str(binary("initdb")), "-D", str(fresh), *options, *access])
        if result.returncode != 0:
            raise DemoUnavailable(
                f"initdb could not create the demo's database in {self._home}: "
                f"{result.stdout.strip()[-500:]!r}. Fix that, or give another directory."
            )
        fresh.rename(self._pgdata)

    def _launch(self) -> Postmaster | None:
        account = account_for(self._pgdata)
        account.reach(self._pgdata)
        account.reach(binary("postgres"))
        sockets = self._socket_directory(account)
        command = [str(binary("postgres")), "-D", str(self._pgdata)]
        for name, value in (SETTINGS | {"unix_socket_directories": str(sockets)}).items():
            command += ["-c", f"{name}={value}"]
        # The shell leaves at once, so that the server is not our child: nothing to wait for.
        detach = ["/bin/sh", "-c", '"$@" </dev/null >&2 & echo $!', "sh"]
        with open(self._log, "a", encoding="utf-8", opener=_not_through_a_link) as log:
            started = account.run([*detach, *command], errors=log)
        spawned = Postmaster(int(started.stdout), sockets, ready=False)
        _wait(lambda: self.running() or not spawned.exists(), START_SECONDS)
        server = self._answering()
        if server is None:
            self._abort(spawned)
        return server

    def _abort(self, spawned: Postmaster) -> None:
        with suppress(ProcessLookupError):
            os.kill(spawned.pid, signal.SIGQUIT)
        _wait(lambda: not spawned.exists(), 2.0)
        self._forget(spawned)

    def _socket_directory(self, account: Account) -> Path:
        fits = len(os.fsencode(self._pgdata / SOCKET_NAME)) <= SOCKET_PATH_BYTES
        if fits and PLAIN_PATH.fullmatch(str(self._pgdata)):
            return self._pgdata
        parent = tempfile.gettempdir()
        if len(parent) > SOCKET_PATH_BYTES // 2 or not PLAIN_PATH.fullmatch(parent):
            parent = "/tmp"
        private = Path(tempfile.mkdtemp(prefix=SOCKET_DIRECTORY_PREFIX, dir=parent))
        account.give(private)
        account.reach(private)
        return private

    def _stop(self) -> None:
        server = Postmaster.read(self._pgdata)
        if server is not None and server.answers():
            self._end(server)
        self._forget(server)

    def _end(self, server: Postmaster) -> None:
        pid_file = self._pgdata / "postmaster.pid"
        for sign, seconds in ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 2.0)):
            with suppress(ProcessLookupError):
                os.kill(server.pid, sign)
            if _wait(lambda: not pid_file.exists() or not server.exists(), seconds):
                return
        raise DemoUnavailable(
            f"The demo's PostgreSQL in {self._home} (process {server.pid}) does not end. "
            "End that process yourself, then repeat the command."
        )

    def _forget(self, server: Postmaster | None) -> None:
        """Remove what a server that is gone left behind.

        After a reboot its recorded pid may be anyone's, and PostgreSQL would refuse to start.
        """
        sockets = (SOCKET_NAME, f"{SOCKET_NAME}.lock")
        if server is not None and server.socket_directory.name.startswith(SOCKET_DIRECTORY_PREFIX):
            # Where it is says a file that the server's account writes: nothing else is removed.
            with suppress(OSError):
                for name in sockets:
                    (server.socket_directory / name).unlink(missing_ok=True)
                server.socket_directory.rmdir()
        for name in ("postmaster.pid", *sockets):
            (self._pgdata / name).unlink(missing_ok=True)

    def _refuse_foreign_home(self, found: os.stat_result) -> None:
        if found.st_uid != os.geteuid():
            raise DemoUnavailable(
                f"{self._home} belongs to somebody else, who could put anything in it. Give a "
                "directory of your own."
            )

    def _refuse_foreign_files(self) -> None:
        names = {entry.name for entry in self._home.iterdir()}
        if names <= CONTENTS and (not names or names & {"pgdata", "pgdata.new"}):
            return
        foreign = ", ".join(sorted(names - CONTENTS or names)[:5])
        raise DemoUnavailable(
            f"{self._home} holds files that are not the demo's ({foreign}), so it is not emptied. "
            "Give an empty or a new directory."
        )

    def _log_end(self) -> str:
        if not self._log.exists():
            return ""
        return self._log.read_text(encoding="utf-8", errors="replace").strip()[-500:]


def _not_through_a_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll ``condition`` until it holds, at most ``seconds`` long; returns whether it did."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
