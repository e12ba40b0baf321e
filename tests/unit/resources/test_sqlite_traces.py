"""Reading an SQLite file leaves no trace beside it, whoever reads and whoever writes meanwhile."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import product
from pathlib import Path

import pytest

from incremental_resources.errors import ResourceError
from incremental_resources.source.dialects.sqlite import snapshot
from incremental_resources.source.dialects.sqlite.file import ReadOnlyFile
from incremental_resources.source.errors import QueryFailed, SourceUnavailable
from tests.sources import listed, sqlite

ROOT = Path(__file__).parents[3]
APPLICATION, READER = 12_345, 65_534
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become other users")
LIST = "select name from sqlite_schema where type = 'table' order by name"
MODES = ("delete", "truncate", "persist", "wal")
# Everything is imported before the user changes: the new one may not read this project.
AS_USER = """
import json, os, sys
from pathlib import Path
from tests.sources import listed, sqlite
warm, user, *paths = Path(sys.argv[1]), int(sys.argv[2]), *map(Path, sys.argv[4:])
# One that the other user may run.
sys.executable = sys.argv[3]
live = sqlite(warm)
live.ddl("create table if not exists warm (a)")
def tables(live):
    with live.source() as source:
        listed(source, "columns")
        return sorted(listed(source, "tables")["table"])
tables(live)
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
told = []
for path in paths:
    try:
        told.append(tables(sqlite(path)))
    except Exception as error:
        told.append(f"{type(error).__name__}: {error}")
print(json.dumps(told))
"""
WRITE = """
import os, sqlite3, sys
os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[2]))
connection = sqlite3.connect(sys.argv[1])
for statement in sys.argv[3:]:
    connection.execute(statement)
connection.commit()
connection.close()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory that other users reach, which pytest's own is not."""
    with tempfile.TemporaryDirectory(prefix="traces-") as directory:
        Path(directory).chmod(0o755)
        (Path(directory) / "data").mkdir()
        yield Path(directory) / "data"


def made(path: Path, mode: str) -> sqlite3.Connection:
    """A file with the tables a and b, still open."""
    writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    writer.execute(f"pragma journal_mode = {mode}")
    writer.execute("create table a (x)")
    writer.execute("create table b (x)")
    return writer


def traces(folder: Path) -> dict[str, tuple[object, ...]]:
    """Everything that can be seen of a directory's files, times of access apart."""
    found: dict[str, tuple[object, ...]] = {}
    for at in (folder, *folder.rglob("*")):
        stat = at.stat()
        facts = (stat.st_ino, stat.st_uid, stat.st_mode, stat.st_size, stat.st_mtime_ns)
        found[str(at)] = (*facts, stat.st_ctime_ns)
    # By another process: reading a file here would give up the locks of those who have it open.
    files = [at for at in found if Path(at).is_file()]
    sums = subprocess.run(["sha256sum", *files], capture_output=True, check=True)
    return {**found, "sums": (sums.stdout,)}


def read_as(user: int, paths: list[Path], tmp_path: Path, *command: str) -> list[object]:
    """What another user lists there: of each path the tables, or the error."""
    everybodys = shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable
    program = [sys.executable, "-c", AS_USER, str(tmp_path / "warm.db"), str(user), everybodys]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'resources'}"}
    done = subprocess.run(
        [*command, *program, *map(str, paths)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: list[object] = json.loads(done.stdout)
    return told


WRITERS = ("closed", "open", "in a transaction")


@pytest.fixture
def files(folder: Path) -> Iterator[dict[str, Path]]:
    """A file of every mode with every kind of writer, each in a directory of its own."""
    found = {}
    with ExitStack() as open_files:
        for mode, writer in product(MODES, WRITERS):
            place = folder / f"{mode} {writer}"
            place.mkdir()
            found[place.name] = place / "shop.db"
            application = open_files.enter_context(closing(made(place / "shop.db", mode)))
            if writer == "closed":
                application.close()
            elif writer == "in a transaction":
                application.execute("begin immediate")
                application.execute("create table unfinished (x)")
            for at in place.iterdir():
                at.chmod(0o644)
        yield found


@pytest.mark.parametrize("rights", [0o777, 0o555], ids=["may write", "may not write"])
def test_no_trace_is_left_whatever_the_journal(
    folder: Path, files: dict[str, Path], tmp_path: Path, rights: int
) -> None:
    for path in files.values():
        path.parent.chmod(rights)
    before = traces(folder)
    told = read_as(READER, list(files.values()), tmp_path)
    assert dict(zip(files, told, strict=True)) == dict.fromkeys(files, ["a", "b"])
    assert traces(folder) == before


@AS_ROOT
def test_a_read_only_mount_is_read(folder: Path, files: dict[str, Path], tmp_path: Path) -> None:
    before = traces(folder)
    script = f"mount --bind -o ro '{folder}' '{folder}' && ! touch '{folder}/x' && exec \"$@\""
    command = ("unshare", "-m", "sh", "-c", script, "sh")
    told = read_as(0, list(files.values()), tmp_path, *command)
    assert dict(zip(files, told, strict=True)) == dict.fromkeys(files, ["a", "b"])
    assert traces(folder) == before


@AS_ROOT
def test_the_application_goes_on_writing_after_another_user_has_read(
    folder: Path, tmp_path: Path
) -> None:
    paths = [folder / f"{mode}.db" for mode in MODES]
    folder.chmod(0o777)

    def write(*statements: str) -> None:
        for path in paths:
            ours = [statement.format(mode=path.stem) for statement in statements]
            command = [sys.executable, "-c", WRITE, str(path), str(APPLICATION), *ours]
            subprocess.run(command, check=True)

    write("pragma journal_mode = {mode}", "create table a (x)", "create table b (x)")
    for number in range(2):
        assert read_as(READER, paths, tmp_path) == [["a", "b"]] * len(paths)
        assert {at.stat().st_uid for at in folder.iterdir()} == {APPLICATION}
        write(f"insert into a values ({number})")


@AS_ROOT
def test_a_log_that_may_not_be_read_is_a_clear_refusal(folder: Path, tmp_path: Path) -> None:
    path = folder / "shop.db"
    with closing(made(path, "wal")):
        path.with_name("shop.db-wal").chmod(0o600)
        told = str(read_as(READER, [path], tmp_path)[0])
    assert told.startswith("AccessDenied: ")
    assert "shop.db-wal cannot be read" in told
    assert "give this user read permission for both" in told


def left_by_a_crash(folder: Path) -> Path:
    """A file with a log and without anybody who has it open."""
    with closing(made(folder / "living.db", "wal")):
        for end in ("", "-wal"):
            shutil.copy(folder / f"living.db{end}", folder / f"crashed.db{end}")
    return folder / "crashed.db"


def names(path: Path) -> list[str]:
    with closing(ReadOnlyFile(str(path))) as connection:
        return [name for (name,) in connection.execute(LIST).fetchall()]


def test_what_a_crash_left_in_the_log_is_read_and_left_there(folder: Path) -> None:
    path = left_by_a_crash(folder)
    before = traces(folder)
    assert names(path) == ["a", "b"]
    assert traces(folder) == before


def test_a_torn_end_of_the_log_is_no_part_of_it(folder: Path) -> None:
    path = left_by_a_crash(folder)
    with path.with_name("crashed.db-wal").open("r+b") as log:
        log.truncate(log.seek(0, os.SEEK_END) - 1000)
    assert names(path) == ["a"]


def test_the_log_beside_the_file_itself_counts_and_not_one_beside_a_link(folder: Path) -> None:
    (folder / "links").mkdir()
    link = folder / "links" / "link.db"
    link.symlink_to(folder / "shop.db")
    with closing(made(folder / "shop.db", "wal")):
        assert names(link) == ["a", "b"]


def test_a_copy_goes_with_the_connection(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder.parent))
    with closing(made(folder / "shop.db", "wal")):
        connection = ReadOnlyFile(str(folder / "shop.db"))
        (copy,) = folder.parent.glob("incremental-assets-*/*/*/shop.db")
        assert copy.parent.stat().st_mode & 0o777 == 0o700
        connection.close()
        assert not copy.parent.exists()


def test_no_room_for_a_copy_says_what_to_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "missing"))
    with closing(made(folder / "shop.db", "wal")), pytest.raises(QueryFailed, match="TMPDIR"):
        names(folder / "shop.db")


# Nothing torn


def test_a_checkpoint_while_a_closed_file_is_read_fails_the_reading(folder: Path) -> None:
    live = sqlite(folder / "shop.db")
    made(folder / "shop.db", "wal").close()
    os.utime(folder / "shop.db", (1, 1))
    with closing(ReadOnlyFile(str(folder / "shop.db"))) as connection:
        cursor = connection.execute(LIST)
        assert cursor.fetchone() == ("a",)
        with closing(sqlite3.connect(folder / "shop.db")) as writer:
            writer.execute("create table c (x)")
            writer.commit()
        for read in (cursor.fetchone, cursor.fetchall, lambda: connection.execute(LIST)):
            with pytest.raises(
                sqlite3.OperationalError, match="written to while it was read"
            ) as at:
                read()
        told = live.dialect.explain(at.value)
    assert isinstance(told, SourceUnavailable)
    assert told.transient


# In the copying program between the two copies: somebody runs statements, the first times.
INTERRUPTION = """
import sqlite3
DONE = []
def _copy(source, target, _copy=_copy):
    if source.endswith("-wal") and len(DONE) < TIMES:
        DONE.append(source)
        connection = sqlite3.connect(source.removesuffix("-wal"), isolation_level=None)
        for statement in STATEMENTS:
            connection.execute(statement)
        KEPT.append(connection)
    _copy(source, target)
KEPT = []
if __name__ == "__main__":"""


def interrupted(monkeypatch: pytest.MonkeyPatch, times: int, *statements: str) -> None:
    """Without its locks, as where it may not read ``-shm``."""
    values = f"\nTIMES, STATEMENTS = {times}, {statements!r}"
    unlocked = snapshot.PROGRAM.replace('f"{main}-shm"', '"/nowhere"')
    assert unlocked != snapshot.PROGRAM
    program = unlocked.replace('if __name__ == "__main__":', f"{values}{INTERRUPTION}")
    monkeypatch.setattr(snapshot, "PROGRAM", program)


@pytest.mark.parametrize("kind", ["passive", "restart", "truncate"])
def test_a_checkpoint_while_a_copy_is_made_makes_another_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with closing(made(folder / "shop.db", "wal")):
        checkpoint = f"pragma wal_checkpoint({kind})"
        interrupted(monkeypatch, 1, "create table c (x)", checkpoint, "create table d (x)")
        assert names(folder / "shop.db") == ["a", "b", "c", "d"]


def test_a_file_that_never_rests_is_a_clear_refusal(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(made(folder / "shop.db", "wal")):
        write = "insert into a values (1)"
        interrupted(monkeypatch, 1_000, write, "pragma wal_checkpoint(truncate)", write)
        with pytest.raises(SourceUnavailable, match="again and again") as caught:
            ReadOnlyFile(str(folder / "shop.db"), timeout=0.3)
    assert caught.value.transient


@pytest.mark.parametrize("kind", ["passive", "restart", "truncate"])
def test_no_checkpoint_gets_in_between_the_copies(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """As ``timeout`` allows for no second attempt, the first one must do."""
    with closing(made(folder / "shop.db", "wal")) as writer:
        monkeypatch.setattr(snapshot, "PROGRAM", slowly(snapshot.PROGRAM))
        stop = threading.Event()

        def checkpoints() -> None:
            while not stop.wait(0.01):
                writer.execute("insert into a values (1)")
                writer.execute(f"pragma wal_checkpoint({kind})")

        busy = threading.Thread(target=checkpoints)
        busy.start()
        try:
            with closing(ReadOnlyFile(str(folder / "shop.db"), timeout=10)) as connection:
                assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        finally:
            stop.set()
            busy.join()


def slowly(program: str) -> str:
    """The copying program with a pause between its copies in which others write a hundred times."""
    changed = program.replace(
        "        if before.log_header:", "        time.sleep(1)\n        if before.log_header:"
    )
    assert changed != program
    return changed


REWRITE = "update filler set x = randomblob(2000) where rowid = abs(random()) % 2000"


def write_pairs(path: Path, stop: threading.Event) -> None:
    """Tables that come and go in pairs, with checkpoints, and with the file closed in between."""
    number = 100
    while not stop.is_set():
        with closing(sqlite3.connect(path, isolation_level=None, timeout=60)) as writer:
            writer.execute("pragma wal_autocheckpoint = 10")
            writer.execute("pragma synchronous = off")  # waiting for disks tests nothing here
            for _ in range(40):
                number += 1
                writer.execute("begin immediate")
                for side in ("left", "right"):
                    writer.execute(f"create table {side}_{number} (x)")
                    writer.execute(f"drop table if exists {side}_{number - 20}")
                    writer.execute(
                        "update filler set x = randomblob(2000) where rowid = abs(random()) % 2000"
                    )
                writer.execute("commit")
                stop.wait(0.01)


@pytest.mark.parametrize("mode", MODES)
def test_every_listing_is_of_one_moment_while_others_write(folder: Path, mode: str) -> None:
    path = folder / "shop.db"
    with closing(made(path, mode)) as first:
        first.execute("create table filler (x)")
        rows = ((os.urandom(2000),) for _ in range(2000))
        first.execute("begin")
        first.executemany("insert into filler values (?)", rows)
        first.execute("commit")
    stop = threading.Event()
    writer = threading.Thread(target=write_pairs, args=(path, stop))
    writer.start()
    seen, refused = set(), 0
    try:
        with sqlite(path).source() as source:
            while len(seen) < 30:
                assert writer.is_alive()
                try:
                    tables = set(listed(source, "tables")["table"])
                except ResourceError as error:
                    refused += 1
                    if not error.transient or refused > 200:
                        raise
                    continue
                left = {name.partition("_")[2] for name in tables if name.startswith("left_")}
                right = {name.partition("_")[2] for name in tables if name.startswith("right_")}
                assert left == right
                seen.add(max(map(int, left), default=0))
    finally:
        stop.set()
        writer.join()
    with closing(sqlite3.connect(path)) as after:
        assert after.execute("pragma integrity_check").fetchone() == ("ok",)


def test_reading_gives_up_no_lock_that_this_process_holds(folder: Path) -> None:
    """Closing a file gives up all locks of the process on it, SQLite's too."""
    path = folder / "shop.db"
    made(path, "delete").close()
    with closing(sqlite3.connect(path, isolation_level=None)) as held:
        held.execute("begin immediate")
        held.execute("create table c (x)")
        assert names(path) == ["a", "b"]
        other = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=0); "
            "c.execute('begin immediate')"
        )
        done = subprocess.run([sys.executable, "-c", other, str(path)], capture_output=True)
        assert b"database is locked" in done.stderr
        held.execute("rollback")


def test_a_file_closed_a_while_ago_is_read_without_a_copy(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(folder / "shop.db", "wal").close()
    os.utime(folder / "shop.db", (1, 1))
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "missing"))
    assert names(folder / "shop.db") == ["a", "b"]
