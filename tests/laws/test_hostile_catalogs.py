"""Names and comments that would be SQL, HTML, Markdown, terminal commands or formulas elsewhere.

They stay text everywhere, whole where they are kept and short where they are shown; and catalogs of
odd sizes and encodings are read, or refused with the object's name.
"""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pytest
from click.testing import CliRunner
from polars.testing import assert_frame_equal

from incremental_assets.cli.app import main
from incremental_assets.instance.home import Home, open_instance
from incremental_assets.steps.metadata import LONGEST_CELL
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.store import StateStore
from incremental_resources.state_store.version import Version
from tests.hostile import (
    LEAVES,
    LONG_COMMENT,
    PARENTS,
    TEXTS,
    WIDE,
    active,
    catalog,
    cells,
    changes,
    partitions,
)
from tests.live import (
    NAME,
    attempt,
    current,
    differences,
    refresh,
    refreshing,
    state,
    written_config,
)
from tests.sources import Live, postgresql

# No event is longer, however long the comments are.
LONGEST_EVENT = 150_000
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]")
COMMANDS = (
    ("status",),
    ("history", NAME),
    ("check", "--full"),
    ("diff", NAME, "--limit", "0"),
    ("diff", NAME, "--version", "1", "--limit", "0"),
    ("diff", NAME, "--format", "jsonl"),
    ("diff", NAME, "--format", "json"),
)


@dataclass(frozen=True)
class Hostile:
    """A hostile catalog that was refreshed twice by the command line, and where all of it is."""

    live: Live
    home: Home
    store: StateStore
    config: Path
    printed: str

    @property
    def version(self) -> Version:
        version = self.store.current()
        assert version is not None
        return version

    def run(self, *arguments: str) -> str:
        """What a command prints; it must succeed."""
        result = CliRunner().invoke(main, ["--config", str(self.config), *arguments])
        assert result.exit_code == 0, result.output
        return result.output


@pytest.fixture(scope="module")
def hostile(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    folder, name = tmp_path_factory.mktemp("hostile"), "hostile"
    server = postgresql(postgres_url)
    server.ddl(f"create database {name}")
    url = postgres_url.rpartition("/")[0] + f"/{name}"
    live, home = postgresql(url), Home(folder / "home", None)
    live.ddl(*catalog())
    config = written_config(folder / "connections.yaml", url)
    store = StateStore(LocalObjects(folder / "catalog"), NAME)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home.directory))
        found = Hostile(live, home, store, config, "")
        first = found.run("refresh", NAME)
        live.ddl(*changes())
        second = found.run("refresh", NAME)
        yield Hostile(live, home, store, config, first + second)
    server.ddl(f"drop database {name} with (force)")


def test_an_increment_equals_a_full_extraction(hostile: Hostile) -> None:
    assert hostile.version.number == 2
    assert hostile.version.manifest.changes["tables"]["UPDATED"] == len(TEXTS) + 1
    with refreshing(hostile.live.url.render_as_string()) as afresh:
        refresh(afresh)
        assert differences(state(hostile.version), state(current(afresh))) == {}


def test_everything_is_kept_whole(hostile: Hostile) -> None:
    tables = hostile.version.scan("tables").collect()
    comments = dict(tables.select("table", "comment").iter_rows())
    assert comments == {
        **{text: text * 2 for text in TEXTS},
        "wide": None,
        "long": f"{LONG_COMMENT}!",
        # 63 bytes, and no half of a letter.
        "é" * 31: None,
    }
    wide = hostile.version.scan("columns").filter(table="wide").collect()
    assert wide["column"].to_list() == sorted(f"c{number}" for number in range(WIDE))
    routines = hostile.version.scan("procedures").collect()
    assert set(routines["procedure"]) == set(TEXTS)


@pytest.fixture(scope="module")
def events(hostile: Hostile) -> list[dg.EventLogEntry]:
    """Every event of both runs."""
    with open_instance(hostile.home) as instance:
        return [entry for run in instance.get_runs() for entry in instance.all_logs(run.run_id)]


def metadata_of(entry: dg.EventLogEntry) -> dict[str, dg.MetadataValue]:
    event = entry.dagster_event
    data = event.event_specific_data if event else None
    told = getattr(data, "materialization", data)
    return dict(getattr(told, "metadata", None) or {})


def test_in_the_ui_names_are_text(events: list[dg.EventLogEntry]) -> None:
    tables = [
        value.value
        for entry in events
        for value in metadata_of(entry).values()
        if isinstance(value, dg.MarkdownMetadataValue)
    ]
    assert [active(table) for table in tables if active(table)] == []
    rows = [row for table in tables for row in cells(table)]
    assert any(cell.startswith("![a](http:") for row in rows for cell in row)
    shapes = [{len(row) for row in cells(table)} for table in tables]
    assert all(len(shape) <= 1 for shape in shapes)
    assert not any(CONTROL.search(cell) or len(cell) > LONGEST_CELL + 9 for r in rows for cell in r)


def test_no_event_grows_with_what_it_tells_of(events: list[dg.EventLogEntry]) -> None:
    sizes = [len(entry.to_json()) for entry in events]
    assert len(sizes) > 100
    assert max(sizes) < LONGEST_EVENT


def test_nothing_commands_the_terminal(hostile: Hostile) -> None:
    printed = {"refresh": hostile.printed}
    printed |= {" ".join(command): hostile.run(*command) for command in COMMANDS}
    assert "\\u001b[2J" in printed[f"diff {NAME} --limit 0"]
    found = {command: CONTROL.search(told) for command, told in printed.items()}
    assert {command: match for command, match in found.items() if match} == {}


@pytest.mark.parametrize("entity", ["schemas", "tables", "columns", "procedures"])
@pytest.mark.parametrize("form", ["parquet", "jsonl", "csv"])
def test_an_export_can_be_read_back_exactly(
    hostile: Hostile, tmp_path: Path, entity: str, form: str
) -> None:
    output = tmp_path / "out"
    asked = ["--entity", entity, "--format", form, "--output", str(output)]
    hostile.run("export", NAME, *asked)
    there = hostile.version.scan(entity).collect()
    texts = [name for name, dtype in there.schema.items() if dtype == pl.String]
    read = READERS[form](output, texts)
    assert_frame_equal(read.select(texts), there.select(texts))


def from_csv(path: Path, texts: list[str]) -> pl.DataFrame:
    """What Arrow's reader makes of it; Python's own must see the same cells."""
    options = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(texts, pa.string()),
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        null_values=[""],
    )
    parsing = pa.csv.ParseOptions(newlines_in_values=True)
    read = pa.csv.read_csv(
        path,
        convert_options=options,
        parse_options=parsing,
        read_options=pa.csv.ReadOptions(block_size=64 << 20),
    )
    frame = pl.DataFrame(read)
    csv.field_size_limit(10_000_000)
    with path.open(encoding="utf-8", newline="") as lines:
        plain = list(csv.DictReader(lines))
    assert frame.select(pl.col(texts).fill_null("")).to_dicts() == [
        {name: row[name] for name in texts} for row in plain
    ]
    return frame


def from_jsonl(path: Path, texts: list[str]) -> pl.DataFrame:
    rows = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
    return pl.DataFrame(rows, schema=dict.fromkeys(texts, pl.String))


READERS = {
    "parquet": lambda path, _texts: pl.read_parquet(path),
    "jsonl": from_jsonl,
    "csv": from_csv,
}


# Sizes


@pytest.mark.parametrize("kept", ["collapse", "list"])
def test_a_table_with_many_partitions(many_partitions: Live, kept: str) -> None:
    whole = PARENTS * LEAVES + PARENTS + 1
    options = {"partitions": kept, "batch_columns": 100_000}
    with refreshing(many_partitions.url.render_as_string(), **options) as refresher:
        assert refresh(refresher).counts["tables"] == (1 if kept == "collapse" else whole)
        version = current(refresher)
        assert version.rows("columns") == 2 * version.rows("tables")
        assert refresh(refresher).mode == "unchanged"


@pytest.fixture(scope="module")
def many_partitions(postgres_url: str) -> Iterator[Live]:
    name = "many_partitions"
    server = postgresql(postgres_url)
    server.ddl(f"create database {name}")
    live = postgresql(postgres_url.rpartition("/")[0] + f"/{name}")
    live.ddl(*partitions())
    yield live
    server.ddl(f"drop database {name} with (force)")


# Encodings

E_ACUTE = "chr(233)"
BROKEN = {
    "table": f"execute 'create table ' || quote_ident('caf' || {E_ACUTE}) || ' (id integer)'",
    "column": f"execute 'create table t (' || quote_ident('caf' || {E_ACUTE}) || ' integer)'",
    "comment": f"create table t (id integer); execute 'comment on table t is ' "
    f"|| quote_literal('caf' || {E_ACUTE})",
    "schema": f"execute 'create schema ' || quote_ident('caf' || {E_ACUTE})",
}
TOLD = {
    "table": "(table of schema 'public', table 'caf\\\\xe9')",
    "column": "(column of schema 'public', table 't', column 'caf\\\\xe9')",
    "comment": "(comment of schema 'public', table 't')",
    "schema": "(schema of schema 'caf\\\\xe9')",
}


@pytest.fixture
def bytes_database(postgres_url: str) -> Iterator[Live]:
    """A database that takes whatever bytes it is sent."""
    name = "any_bytes"
    server = postgresql(postgres_url)
    server.ddl(f"create database {name} encoding sql_ascii template template0")
    yield postgresql(postgres_url.rpartition("/")[0] + f"/{name}")
    server.ddl(f"drop database {name} with (force)")


@pytest.mark.parametrize("what", BROKEN)
def test_bytes_that_are_no_text_are_refused_by_name(
    bytes_database: Live, fresh_database: str, what: str
) -> None:
    fresh = postgresql(fresh_database)
    fresh.ddl("create table fine (id integer)")
    bytes_database.ddl(f"do $$ begin {BROKEN[what]}; end $$")
    both = {"include": {re.escape(one.database): () for one in (fresh, bytes_database)}}
    with refreshing(fresh_database, **both) as refresher, refreshing(fresh_database) as alone:
        told = attempt(refresher).error or ""
        assert "database 'any_bytes'" in told
        assert "a text in the catalog is not UTF-8: b'caf\\xe9'" in told
        assert TOLD[what] in told
        assert refresher.store(NAME).head() is None
        assert refresh(alone).counts["tables"] == 1


def test_a_comment_that_is_no_text_is_refused_wherever_it_is_read(
    bytes_database: Live, fresh_database: str
) -> None:
    # Databases are listed in every database, in the encoding of the one they were described in.
    comment = f"'comment on database any_bytes is ' || quote_literal('caf' || {E_ACUTE})"
    bytes_database.ddl(f"do $$ begin execute {comment}; end $$")
    with refreshing(fresh_database) as refresher:
        told = attempt(refresher).error or ""
        assert "is not UTF-8: b'caf\\xe9' (comment of database 'any_bytes')" in told
        bytes_database.ddl("comment on database any_bytes is null")
        refresh(refresher)


def test_a_database_in_another_encoding_is_read_exactly(postgres_url: str) -> None:
    server = postgresql(postgres_url)
    server.ddl("create database latin encoding latin1 template template0")
    url = postgres_url.rpartition("/")[0] + "/latin"
    try:
        postgresql(url).ddl('create table "café" (id integer)')
        with refreshing(url) as refresher:
            refresh(refresher)
            assert current(refresher).scan("tables").collect()["table"].to_list() == ["café"]
    finally:
        server.ddl("drop database latin with (force)")
