"""DuckDB's files: who may use them meanwhile, what is told of those that cannot be read."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl
import pytest
from sqlalchemy import URL

from incremental_assets.core.entities import COLUMNS, ENTITIES
from incremental_resources.source.dialect import dialect_for
from incremental_resources.source.dialects.duckdb import files
from incremental_resources.source.errors import (
    AccessDenied,
    CapabilityMissing,
    QueryFailed,
    SourceUnavailable,
)
from incremental_resources.source.source import Source
from tests.contract.test_dialects import ODD_NAMES
from tests.sources import (
    CATALOGUE,
    Live,
    columns,
    copied_folder,
    duckdb_file,
    listed,
    quoted,
    table,
)

WRITER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("create table begun (id integer)")
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def live(tmp_path: Path) -> Live:
    live = duckdb_file(tmp_path / "shop.duckdb")
    live.ddl(*CATALOGUE)
    return live


@contextmanager
def writing(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the file open, and a statement in its log; it is killed."""
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        try:
            yield writer
        finally:
            writer.kill()


def path_of(live: Live) -> Path:
    return Path(str(live.url.database))


def traces(folder: Path) -> dict[str, tuple[int, int]]:
    """Everything in a folder, with size and time."""
    return {
        path.name: (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.iterdir())
    }


def as_if_written_by(file: bytes, storage: int, version: bytes) -> bytes:
    """A file with another storage version and program in its header, whose checksum comes first."""
    header = bytearray(file[8:4096])
    header[4:12] = storage.to_bytes(8, "little")
    header[44 : 44 + len(version)] = version
    checksum = 5381
    for at in range(0, len(header), 8):
        word = int.from_bytes(header[at : at + 8], "little")
        checksum ^= word * 0xBF58476D1CE4E5B9 % 2**64
    return checksum.to_bytes(8, "little") + header + file[4096:]


def test_a_file_that_another_process_writes_to_is_waited_for_and_then_told(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PATIENCE_SECONDS", 0.3)
    with (
        writing(path_of(live)) as writer,
        live.source() as source,
        pytest.raises(SourceUnavailable, match="open for writing") as error,
    ):
        source.databases()
    assert error.value.transient
    assert str(writer.pid) in str(error.value)


def test_a_file_that_this_process_writes_to_is_told_as_well(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PATIENCE_SECONDS", 0.3)
    with duckdb.connect(path_of(live)) as writer, live.source() as source:
        with pytest.raises(SourceUnavailable, match="open for writing"):
            source.databases()
        writer.execute("create table still_ours (id integer)")
    assert table(source, "still_ours")


def test_what_a_killed_writer_left_in_the_log_is_read_and_nothing_is_changed(live: Live) -> None:
    path = path_of(live)
    with writing(path):
        pass
    before = traces(path.parent)
    assert f"{path.name}.wal" in before
    with live.source() as source:
        assert "begun" in set(listed(source, "tables")["table"])
        source.probe()
        listed(source, "columns")
    assert traces(path.parent) == before


def test_nobody_is_kept_from_writing_after_a_session(live: Live) -> None:
    with live.source() as source:
        listed(source, "columns")
        live.ddl("create table later (id integer)")
        assert "later" in set(listed(source, "tables")["table"])


def test_a_file_put_in_the_place_of_another_is_read(live: Live, tmp_path: Path) -> None:
    other = duckdb_file(tmp_path / "other.duckdb")
    other.ddl("create table elsewhere (id integer)")
    with live.source() as source:
        listed(source, "tables")
        path_of(other).replace(path_of(live))
        assert listed(source, "tables")["table"].to_list() == ["elsewhere"]


def test_a_file_of_a_later_version_is_told_with_what_to_install(live: Live) -> None:
    path_of(live).write_bytes(as_if_written_by(path_of(live).read_bytes(), 9999, b"v9.8.7"))
    with live.source() as source, pytest.raises(CapabilityMissing) as error:
        source.databases()
    assert "DuckDB 9.8.7" in str(error.value)
    assert "pip install 'duckdb>=9.8.7'" in str(error.value)


def test_what_is_no_duckdb_file_is_told(live: Live) -> None:
    path_of(live).write_bytes(b"SQLite format 3\0" + bytes(5000))
    with live.source() as source, pytest.raises(AccessDenied, match="DuckDB"):
        source.databases()


def test_a_statement_that_takes_too_long_is_ended(
    live: Live, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = "select count(*) as probe from range(1000000000) as a cross join range(1000000) as b"
    change = copied_folder(live.dialect, package, probe=endless)
    opened = files.connect

    def impatient(**settings: object) -> object:
        return opened(**{**settings, "silence_seconds": 0.5})

    with live.source(**change, connect=impatient) as source:
        with pytest.raises(QueryFailed, match="statement_timeout_seconds") as error:
            source.probe()
        assert not error.value.transient


def test_attached_files_are_databases(live: Live, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    other = duckdb_file(tmp_path / "more" / "stock.duckdb")
    other.ddl("create table item (id integer primary key)", "create view v as select * from item")
    url = live.url.update_query_dict({"attach": "more/stock.duckdb"})

    class Both:
        partitions = "collapse"

        def admits_database(self, _database: str) -> bool:
            return True

        def names_database(self, _database: str) -> bool:
            return False

        def admits_schema(self, _database: str, _schema: str) -> bool:
            return True

    options = {"statement_timeout_seconds": 30, "name": "shop_connection"}
    with Source(url, dialect_for(url), Both(), **options) as source:
        assert source.databases() == ["shop", "stock"]
        tables = source.listing("tables", ENTITIES["tables"].schema)
        stock = tables.filter(pl.col("database") == "stock")
        assert sorted(stock["table"]) == ["item", "v"]
        (read,) = source.columns("stock", stock, COLUMNS.schema)
        assert sorted(read.select("table", "column").rows()) == [("item", "id"), ("v", "id")]


def test_files_of_names_that_are_taken_have_others(tmp_path: Path) -> None:
    live = duckdb_file(tmp_path / "memory.duckdb")
    live.ddl("create table t (id integer)")
    with live.source() as source:
        assert source.databases() == ["memory_db"]
        assert listed(source, "tables")["database"].to_list() == ["memory_db"]


def test_a_view_over_a_file_keeps_its_columns_and_the_file_is_not_opened(
    live: Live, tmp_path: Path
) -> None:
    data = tmp_path / "data.csv"
    data.write_text("a,b\n1,2\n")
    live.ddl(f"create view seen as select * from read_csv('{data}')")
    with live.source() as source:
        before = columns(source, listed(source, "tables").filter(pl.col("table") == "seen"))
        data.write_text("a,b,c\n1,2,3\n")
        after = columns(source, listed(source, "tables").filter(pl.col("table") == "seen"))
    assert sorted(before["column"]) == sorted(after["column"]) == ["a", "b"]


def test_a_view_over_all_of_a_table_has_its_new_column(live: Live) -> None:
    live.ddl("create table t (a integer)", "create view seen as select * from t")
    with live.source() as source:
        token = table(source, "seen")["token"]
        live.ddl("alter table t add column b integer")
        asked = listed(source, "tables").filter(pl.col("table") == "seen")
        if columns(source, asked).height == 2:
            assert asked["token"].item() != token
        else:
            # Before 2.0 such a view cannot be read any more.
            with (
                duckdb.connect(path_of(live), read_only=True) as client,
                pytest.raises(duckdb.Error),
            ):
                client.execute("from seen")


def test_functions_of_the_owner_are_not_used(live: Live) -> None:
    live.ddl(
        "create macro md5(a) as 'owned'",
        "create macro to_json(a) as 'owned'",
        "create view duckdb_tables as select 1 as one",
    )
    with live.source() as source:
        tokens = listed(source, "tables")["token"].to_list()
    assert len(set(tokens)) == len(tokens)
    assert "owned" not in tokens


@pytest.mark.skipif(duckdb.__version__ < "2", reason="schemas are in schemas since 2.0")
def test_schemas_in_schemas_are_told_apart(live: Live) -> None:
    for statement in (
        "create schema s",
        "create schema r",
        "create schema s.sub",
        "create schema r.sub",
        'create schema "s.sub"',
        "create table s.sub.t (a integer)",
        "create table r.sub.t (b integer)",
        'create table "s.sub".t (c integer)',
    ):
        live.ddl(statement)
    with live.source() as source:
        tables = listed(source, "tables").filter(pl.col("table") == "t")
        read = columns(source, tables).select("schema", "column").rows()
    assert sorted(read) == [('"r"."sub"', "b"), ('"s"."sub"', "a"), ("s.sub", "c")]


@pytest.mark.skipif(duckdb.__version__ < "2", reason="schemas are in schemas since 2.0")
def test_the_probe_tells_schemas_in_schemas_apart(live: Live) -> None:
    live.ddl("create schema s", "create schema r", "create schema s.sub", "create schema r.sub")
    for at in ("s", "r"):
        live.ddl(f"create table {at}.sub.t (a integer)")
    probes = []
    for said, silent in (("s", "r"), ("r", "s")):
        live.ddl(
            f"comment on column {said}.sub.t.a is 'said'",
            f"comment on column {silent}.sub.t.a is null",
        )
        with live.source() as source:
            probes.append(source.probe())
    assert probes[0] != probes[1]


@pytest.mark.skipif(duckdb.__version__ < "2", reason="schemas are in schemas since 2.0")
def test_macros_in_schemas_in_schemas_are_listed_once(live: Live) -> None:
    live.ddl("create schema s", "create schema s.sub", "create schema s.main")
    live.ddl("create macro s.sub.inner(n) as n", "create macro outermost(n) as n + 1")
    live.ddl("create macro alike(n) as n", "create macro s.main.alike(n) as n")
    with live.source() as source:
        read = listed(source, "procedures").select("schema", "procedure").rows()
    assert sorted(read) == [('"s"."sub"', "inner"), ("main", "alike"), ("main", "outermost")]


def test_many_tables_are_read_in_one_batch(live: Live) -> None:
    number = 25_000
    names = pl.Series([f"t_{at}" for at in range(number)])
    with duckdb.connect(path_of(live)) as client:
        client.execute("begin")
        for name in names:
            client.execute(f"create table {name} (id integer, note text)")
        client.execute("commit")
    with live.source() as source:
        asked = listed(source, "tables").filter(pl.col("table").is_in(names))
        assert asked.height == number
        assert columns(source, asked).height == 2 * number


@pytest.mark.parametrize("path", ["", ":memory:"])
def test_a_url_without_a_file_is_refused(path: str) -> None:
    url = URL.create("duckdb", database=path)
    with pytest.raises(CapabilityMissing, match="must name a file"):
        dialect_for(url).database_of(url)


def test_another_option_of_the_url_is_told(live: Live) -> None:
    other = live.at(live.url.update_query_dict({"threads": "4"}))
    with other.source() as source, pytest.raises(QueryFailed, match="threads"):
        source.databases()


def test_a_copy_is_not_needed_beside_a_reader(live: Live, tmp_path: Path) -> None:
    """Two programs may read at once."""
    with duckdb.connect(path_of(live), read_only=True), live.source() as source:
        assert listed(source, "tables").height == 3
    shutil.copy(path_of(live), tmp_path / "copy.duckdb")
    assert duckdb_file(tmp_path / "copy.duckdb").database == "copy"


def test_names_of_schemas_and_macros_survive_unchanged(live: Live) -> None:
    for name in map(quoted, ODD_NAMES):
        live.ddl(
            f"create schema {name}",
            f"create table {name}.{name} ({name} integer)",
            f"create macro {name}.{name}({name}) as 1",
        )
    odd = sorted((name, name) for name in ODD_NAMES)
    with live.source() as source:
        tables = listed(source, "tables").filter(pl.col("schema") != live.schema)
        macros = listed(source, "procedures")
        assert set(listed(source, "schemas")["schema"]) == {"main", *ODD_NAMES}
        assert sorted(tables.select("schema", "table").rows()) == odd
        assert sorted(macros.select("schema", "procedure").rows()) == odd
        assert sorted(macros["arguments"]) == sorted(ODD_NAMES)
        assert sorted(columns(source, tables).select("schema", "column").rows()) == odd


def test_forms_of_a_macro_are_told_apart(live: Live) -> None:
    live.ddl(
        "create macro f(a) as a, (a, b) as a + b",
        "create macro t(a, b := 2) as table select a, b",
        "comment on macro f is 'said'",
    )
    with live.source() as source:
        macros = listed(source, "procedures").sort("procedure", "signature")
    facts = ("procedure", "kind", "signature", "definition", "comment")
    assert macros.select(facts).rows() == [
        ("f", "MACRO", "a", "a", "said"),
        ("f", "MACRO", "a, b", "(a + b)", "said"),
        ("t", "TABLE MACRO", "a, b", "SELECT a, b", None),
    ]
