"""The Parquet files: readable by others, and written so that a scan can skip."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from incremental_resources.state_store import parquet
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.parquet import measure, part_names, store_frame

FRAME = pl.DataFrame(
    {
        "table": ["a", "ä😀", None],
        "ordinal": [1, 2, None],
        "nullable": [True, None, False],
        "altered_at": [datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC), None, None],
    },
    schema={
        "table": pl.String,
        "ordinal": pl.Int32,
        "nullable": pl.Boolean,
        "altered_at": pl.Datetime("us", "UTC"),
    },
)


@pytest.fixture
def objects(tmp_path: Path) -> LocalObjects:
    return LocalObjects(tmp_path / "catalog")


def one(count: int) -> list[str]:
    assert count == 1
    return ["frame.parquet"]


@pytest.mark.parametrize("frame", [FRAME, FRAME.lazy()], ids=["eager", "lazy"])
def test_other_programs_read_the_files(objects, frame):
    store_frame(objects, "shop", "tables", frame, one)
    file = pq.ParquetFile(objects.root / "shop" / "frame.parquet")
    assert [str(kind) for kind in file.schema_arrow.types] == [
        "large_string",
        "int32",
        "bool",
        "timestamp[us, tz=UTC]",
    ]
    assert file.read().to_pylist() == FRAME.to_dicts()
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


@pytest.mark.parametrize(
    ("lazy", "rows"), [(False, 20_000), (True, 100_000)], ids=["eager", "lazy"]
)
def test_row_groups_carry_statistics(objects, lazy, rows):
    frame = pl.DataFrame({"table": [f"t{n:07}" for n in range(250_000)]})
    store_frame(objects, "shop", "tables", frame.lazy() if lazy else frame, one)
    metadata = pq.read_metadata(objects.root / "shop" / "frame.parquet")
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    assert [group.num_rows for group in groups[:-1]] == [rows] * (250_000 // rows)
    assert groups[1].column(0).statistics.min == f"t{rows:07}"
    assert groups[1].column(0).statistics.max == f"t{2 * rows - 1:07}"


def test_an_entry_says_what_was_stored(objects):
    (entry,) = store_frame(objects, "shop", "tables", FRAME, one)
    assert (entry.path, entry.entity, entry.rows) == ("frame.parquet", "tables", 3)
    digest = objects.digest("shop/frame.parquet")
    assert (entry.bytes, entry.sha256) == (digest.bytes, digest.sha256)
    assert measure(objects, "shop", "frame.parquet", "tables") == entry


@pytest.mark.parametrize("lazy", [False, True], ids=["eager", "lazy"])
def test_parts_keep_the_order_of_the_rows(objects, monkeypatch, lazy):
    monkeypatch.setattr(parquet, "ROWS_PER_FILE", 30_000)
    frame = pl.DataFrame({"n": range(300_000)})
    entries = store_frame(objects, "shop", "columns", frame.lazy() if lazy else frame, part_names)
    assert [entry.rows for entry in entries] == [30_000] * 10
    found = pl.concat([objects.scan(f"shop/{entry.path}") for entry in entries]).collect()
    assert found.equals(frame)


def test_nothing_stays_in_the_scratch_directory(objects):
    def explode(frame: pl.DataFrame) -> pl.DataFrame:
        raise RuntimeError("no")

    store_frame(objects, "shop", "tables", FRAME, one)
    with pytest.raises((RuntimeError, pl.exceptions.ComputeError)):
        store_frame(objects, "shop", "more", FRAME.lazy().map_batches(explode), part_names)
    assert list(objects.scratch().iterdir()) == []
    assert objects.list("") == ["shop/frame.parquet"]


SCRIPT = """
import resource, sys
from pathlib import Path
import polars as pl
from incremental_resources.state_store.errors import StoreUnavailable
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.parquet import store_frame
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
objects = LocalObjects(Path(sys.argv[1]))
frame = pl.DataFrame({"n": range(1_000_000)}).select(pl.col("n").hash())
for one in (frame, frame.lazy()):
    try:
        store_frame(objects, "shop", "tables", one, lambda count: ["a.parquet"])
    except StoreUnavailable as error:
        assert "limit on the size" in str(error), error
        assert not error.transient
    else:
        raise AssertionError("written")
assert objects.list("") == []
"""


def test_a_disk_that_takes_no_more_is_named(tmp_path):
    subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], check=True)
