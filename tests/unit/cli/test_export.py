"""``export``: one file, whole, readable by others, and on demand harmless in a spreadsheet."""

import csv
import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from incremental_assets.cli.exporting import to_file, without_formulas, write_csv
from tests.shop_versions import DIFF, EVIL, FIRST, FORMULA, SECOND, Run, Shop


def export(run: Run, entity: str, form: str, output: str | Path, *more: str) -> None:
    given = ["--entity", entity, "--format", form, "--output", str(output)]
    result = run("export", "shop", *given, *more)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("entity", ["databases", "schemas", "tables", "columns"])
def test_parquet_holds_everything_as_it_is(refreshed: Shop, run: Run, entity: str) -> None:
    export(run, entity, "parquet", "out.parquet")
    assert_frame_equal(pl.read_parquet("out.parquet"), SECOND[entity])


def test_any_version_can_be_exported(refreshed: Shop, run: Run) -> None:
    export(run, "tables", "parquet", "out.parquet", "--version", "1")
    assert_frame_equal(pl.read_parquet("out.parquet"), FIRST["tables"])


def test_jsonl_holds_everything_as_it_is(refreshed: Shop, run: Run) -> None:
    export(run, "tables", "jsonl", "out.jsonl")
    evil, orders = map(json.loads, Path("out.jsonl").read_text().splitlines())
    assert evil["table"] == EVIL
    assert list(evil) == SECOND["tables"].columns
    assert orders["created_at"] == "2026-01-31T12:00:00.123456Z"
    assert evil["created_at"] is None


def test_csv_keeps_everything_as_it_is(refreshed: Shop, run: Run) -> None:
    export(run, "columns", "csv", "out.csv")
    evil, orders = csv.DictReader(io.StringIO(Path("out.csv").read_text(), newline=""))
    assert (evil["table"], evil["column"], evil["comment"]) == (EVIL, "=cmd", "\tx")
    assert (orders["ordinal"], orders["nullable"]) == ("", "false")


def test_cells_are_no_formulas_where_that_is_asked_for(refreshed: Shop, run: Run) -> None:
    export(run, "columns", "csv", "out.csv", "--safe-for-spreadsheets")
    evil, orders = csv.DictReader(io.StringIO(Path("out.csv").read_text(), newline=""))
    assert evil["table"] == EVIL
    assert evil["column"] == "'=cmd"
    assert evil["comment"] == "'\tx"
    assert (orders["ordinal"], orders["nullable"]) == ("", "false")
    export(run, "schemas", "csv", "out.csv", "--safe-for-spreadsheets")
    (main,) = csv.DictReader(io.StringIO(Path("out.csv").read_text()))
    assert main["owner"] == f"'{FORMULA}"


CELLS = ["=1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "1-1", " =1", "", None, "'x"]


def test_csv_tells_missing_from_empty_and_quotes_all_text(tmp_path: Path) -> None:
    write_csv(pl.LazyFrame({"a": CELLS, "n": range(len(CELLS))}), tmp_path / "out.csv")
    written = (tmp_path / "out.csv").read_bytes().decode()
    quoted = ["" if cell is None else f'"{cell}"' for cell in CELLS]
    expected = ['"a","n"', *(f"{cell},{row}" for row, cell in enumerate(quoted)), ""]
    assert written == "\n".join(expected)


def test_what_begins_like_a_formula_is_guarded_and_nothing_else() -> None:
    guarded = without_formulas(pl.LazyFrame({"a": CELLS, "n": range(len(CELLS))})).collect()
    changed = [f"'{cell}" for cell in CELLS[:7]]
    assert guarded["a"].to_list() == [*changed, *CELLS[7:]]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_diff_is_exported_like_a_state(refreshed: Shop, run: Run, form: str) -> None:
    export(run, "columns", "parquet", "diff.parquet", "--diff")
    assert_frame_equal(pl.read_parquet("diff.parquet"), DIFF["columns"])
    export(run, "columns", form, "diff.out", "--diff")
    assert "bigint" in Path("diff.out").read_text()
    export(run, "schemas", "parquet", "none.parquet", "--diff")
    none = pl.read_parquet("none.parquet")
    assert none.is_empty()
    assert none.columns[-2:] == ["previous_database", "previous_schema"]
    export(run, "tables", "parquet", "first.parquet", "--diff", "--version", "1")
    assert pl.read_parquet("first.parquet")["change"].to_list() == ["CREATED"]


def test_stdout_gets_the_same_as_a_file(refreshed: Shop, run: Run) -> None:
    for form in ("csv", "jsonl"):
        export(run, "tables", form, "out")
        given = ["--entity", "tables", "--format", form, "--output", "-"]
        assert run("export", "shop", *given).stdout_bytes == Path("out").read_bytes()


def test_a_reader_that_goes_away_is_no_error_of_ours(refreshed: Shop) -> None:
    given = ["export", "shop", "--entity", "tables", "--format", "csv", "--output", "-"]
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "incremental_assets", *given]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert "Traceback" not in done.stderr


def test_an_existing_file_is_replaced_as_a_whole(refreshed: Shop, run: Run) -> None:
    real, link = Path("real.csv"), Path("link.csv")
    real.write_text("old")
    link.symlink_to(real)
    export(run, "tables", "csv", link)
    assert link.is_symlink()
    assert "orders" in real.read_text()
    assert stat.S_IMODE(real.stat().st_mode) == 0o666 & ~_umask()
    assert not list(refreshed.directory.glob(".incremental-assets-*"))


@pytest.mark.parametrize("mode", [0o640, 0o600, 0o444])
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_file_that_is_replaced_keeps_its_mode(
    refreshed: Shop, run: Run, form: str, mode: int
) -> None:
    there = Path("out")
    there.write_text("old")
    there.chmod(mode)
    export(run, "tables", form, there)
    assert there.read_bytes() != b"old"
    assert stat.S_IMODE(there.stat().st_mode) == mode


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("old")
    broken = pl.LazyFrame({"a": ["x"]}).with_columns(pl.col("a").cast(pl.Int8))
    with pytest.raises(pl.exceptions.InvalidOperationError):
        to_file(lambda path: write_csv(broken, path), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        (["--entity", "tables", "--format", "parquet", "--output", "-"], 2, "stdout"),
        (["--entity", "tables", "--format", "csv", "--output", "/dev/null"], 2, "no regular file"),
        (["--entity", "tables", "--format", "csv", "--output", "."], 2, "no regular file"),
        (["--entity", "tables", "--format", "atlan", "--output", "x"], 2, "atlan"),
        (["--entity", "tables", "--format", "csv", "--output", ""], 2, "'--output': it is empty"),
        (["--entity", "tables", "--format", "csv"], 2, "--output"),
        (
            ["--entity", "tables", "--format", "jsonl", "--output", "x", "--safe-for-spreadsheets"],
            2,
            "--format csv",
        ),
        (["--entity", "tables", "--format", "csv", "--output", "no/where"], 1, "No such file"),
        (["--entity", "procedures", "--format", "csv", "--output", "x"], 1, "tables, columns.\n"),
        (
            ["--entity", "tables", "--format", "csv", "--output", "x", "--version", "7"],
            1,
            "no version 7",
        ),
    ],
)
def test_what_cannot_be_exported(
    refreshed: Shop, run: Run, given: list[str], code: int, told: str
) -> None:
    result = run("export", "shop", *given)
    assert result.exit_code == code
    assert told in result.stderr
    assert not Path("x").exists()


def test_a_damaged_file_is_not_exported(refreshed: Shop, run: Run) -> None:
    stored = next((refreshed.directory / "catalog").rglob("00000002*/tables.parquet"))
    stored.write_bytes(stored.read_bytes()[:-1] + b"x")
    given = ["--entity", "tables", "--format", "csv", "--output", "x"]
    result = run("export", "shop", *given)
    assert result.exit_code == 1
    assert "StateCorrupt" in result.stderr
    assert not Path("x").exists()
