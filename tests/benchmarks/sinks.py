"""What sinks cost: `python -m tests.benchmarks.sinks`; the state is made, no database is asked.

A whole state exported for each catalog, in a process of its own, beside the Parquet files read and
written as JSON lines by Polars alone (the floor). Then a version with 100 changes published to a
sink that does nothing, beyond the same with nothing due.
"""

import argparse
import json
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from incremental_assets.core.entities import ENTITIES
from incremental_assets.core.scope import Scope
from incremental_resources.state_store.head import Head, HeadRef
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.store import StateStore
from incremental_resources.state_store.version import Version
from tests.benchmarks.measure import Measurement, run

NAME = "shop"
AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
FLOOR = """
import sys, polars as pl
for place, files in enumerate(sys.argv[2:]):
    pl.scan_parquet(files).with_columns(pl.col(pl.Datetime).dt.to_string()).sink_ndjson(
        f"{sys.argv[1]}.{place}"
    )
"""
PUBLISH = """
import sys
from pathlib import Path
from incremental_assets.steps.publishing import publish_all
from incremental_resources.sinks.pool import ConfiguredSink
from incremental_resources.source.dialect import dialects
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.store import StateStore
class Nothing:
    name = "nothing"
    def publish(self, delivery):
        for frames in (delivery.changes, delivery.upserts, delivery.removals):
            for rows in frames.values():
                rows.collect()
store = StateStore(LocalObjects(Path(sys.argv[1])), "shop")
sinks = [ConfiguredSink("nothing", "nothing", Nothing)]
(done,) = publish_all(store, dialects()["postgresql"], sinks)
assert not done.failed and not done.behind, done
"""


def main() -> None:
    """Make a state, measure, print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.sinks", description=__doc__)
    parser.add_argument("--tables", type=int, default=51_000, help="tables of 20 columns each")
    tables = parser.parse_args().tables
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        store = StateStore(LocalObjects(folder / "catalog"), NAME)
        first = _committed(store, _frames(tables, 0), None)
        config = folder / "connections.yaml"
        config.write_text(
            json.dumps({"connections": [{"name": NAME, "url": "postgresql://h/shop"}]})
        )
        files = [str(folder / "catalog" / NAME / first.folder / "**/" / one) for one in _files()]
        found = {"floor": run([sys.executable, "-c", FLOOR, str(folder / "floor"), *files], _env())}
        for form in ("atlan", "datahub", "openlineage"):
            command = ["-m", "incremental_assets", "--config", str(config), "export", NAME]
            command += ["--format", form, "--output", str(folder / form)]
            found[f"export {form}"] = run([sys.executable, *command], _env())
            (folder / form).unlink()
        publish = [sys.executable, "-c", PUBLISH, str(folder / "catalog")]
        run(publish, _env())
        found["publish, nothing due"] = run(publish, _env())
        _committed(store, _frames(tables, 100), first)
        found["publish 100 changes"] = run(publish, _env())
    sys.stdout.write(_report(found))


def _files() -> list[str]:
    return ["tables*.parquet", "part-*.parquet"]


def _env() -> dict[str, str]:
    return dict(os.environ)


def _report(found: dict[str, Measurement]) -> str:
    lines = ["| what | wall s | cpu s | peak MB | × floor |", "|---|---|---|---|---|"]
    for name, one in found.items():
        share = one.wall / found["floor"].wall
        lines.append(
            f"| {name} | {one.wall:.2f} | {one.cpu:.2f} | {one.rss_mb:.0f} | {share:.2f} |"
        )
    return "\n".join(lines) + "\n"


def _frames(tables: int, changed: int) -> dict[str, pl.DataFrame]:
    """A state; in the first ``changed`` tables one column has another type."""
    names = [f"t{number:06}" for number in range(tables)]
    place = {"database": NAME, "schema": "public"}
    made = pl.DataFrame({"table": names}).with_columns(
        **{key: pl.lit(value) for key, value in place.items()},
        kind=pl.lit("TABLE"),
        native_id=pl.int_range(pl.len()).cast(pl.String),
        column_count=pl.lit(20),
        token=pl.col("table"),
    )
    columns = made.join(pl.DataFrame({"ordinal": range(1, 21)}), how="cross").with_columns(
        column=pl.format("column_{}", "ordinal"),
        data_type=pl.when((pl.col("ordinal") == 7) & pl.col("table").is_in(names[:changed]))
        .then(pl.lit("bigint"))
        .otherwise(pl.lit("character varying(40)")),
        nullable=pl.col("ordinal") > 1,
        is_primary_key=pl.col("ordinal") == 1,
    )
    given = {
        "databases": pl.DataFrame({"database": [NAME]}),
        "schemas": pl.DataFrame(place),
        "tables": made,
        "columns": columns,
        "procedures": ENTITIES["procedures"].empty(),
    }
    return {name: _whole(name, frame) for name, frame in given.items()}


def _whole(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    entity = ENTITIES[name]
    return frame.select(
        pl.col(one).cast(dtype) if one in frame.columns else pl.lit(None, dtype).alias(one)
        for one, dtype in entity.schema.items()
    ).sort(entity.key)


def _committed(
    store: StateStore, frames: dict[str, pl.DataFrame], parent: Version | None
) -> Version:
    from incremental_assets.core.change import Comparison
    from incremental_assets.core.diff import diff, first_summary, summary
    from incremental_assets.steps.stored import frames_of

    scope = Scope(entities=tuple(ENTITIES))
    head = store.head()
    id = f"20260131T12000{0 if parent is None else 1}Z-0123abcd"
    staged = store.stage_version(id, parent=parent)
    for name, frame in frames.items():
        staged.write(name, frame)
    changes = first_summary(frames)
    if parent:
        comparison = Comparison(scope, scope, durable_ids=True, durable_ordinals=True)
        found = diff(frames_of(parent), frames, comparison)
        changes = summary(found)
        for name, rows in found.items():
            staged.write(f"diff/{name}", rows)
    staged.write_summary(changes)
    version = staged.finish(
        created_at=AT,
        marker=AT,
        probe=None,
        dialect="postgresql",
        scope=scope.to_json(),
        changes=changes,
        source={},
    )
    moved = Head.at(version.ref, marker=AT, probe=None, extraction=id, source={})
    ref: HeadRef = store.move_head(moved, head)
    assert ref.head.version == version.number
    return version


if __name__ == "__main__":
    main()
