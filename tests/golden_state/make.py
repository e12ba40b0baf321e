"""Writes the golden state of the present format: ``python -m tests.golden_state.make``.

Once a format has been released its directory is never written again; a new format gets its own.
Every time in it lies in the past, whatever clock the tests run with.
"""

import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from unittest.mock import patch

from incremental_resources.source.source import Source
from incremental_resources.state_store.documents import FORMAT
from incremental_resources.state_store.local import LocalObjects
from tests.live import NAME, refresh, refreshing

HERE = Path(__file__).parent
BEGAN = datetime(2024, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
# What was done before each of the three refreshes.
STEPS: Sequence[Sequence[str]] = (
    (
        "create table product (id integer primary key, name varchar(20) not null default 'pen')",
        "create view offer as select id, name from product",
    ),
    (
        "create table sale (id integer primary key, product integer references product (id))",
        "alter table product add column price numeric(8, 2)",
    ),
    ("drop view offer", "alter table sale rename column product to item"),
)


def play(database: Path, steps: Sequence[Sequence[str]] = STEPS) -> None:
    """Do what was done to the source."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        for statements in steps:
            for statement in statements:
                connection.execute(statement)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Let this machine's clock and the source's stand still."""

    class Then(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return moment.astimezone(tz)

    with ExitStack() as stack:
        for module in ("opening", "committing"):
            stack.enter_context(patch(f"incremental_assets.steps.{module}.datetime", Then))
        stack.enter_context(patch.object(Source, "clock", lambda _source: moment))
        yield


def make(target: Path) -> None:
    """Three versions and the working files of the last extraction, below ``target``."""
    with tempfile.TemporaryDirectory() as scratch:
        database = Path(scratch) / "shop.db"
        objects = LocalObjects(Path(scratch) / "catalog")
        with refreshing(f"sqlite:///{database}", objects) as refresher:
            for number, statements in enumerate(STEPS):
                play(database, [statements])
                with at(BEGAN + timedelta(hours=number)):
                    refresh(refresher)
            refresher.store(NAME).prune(keep_versions=3, keep_extractions=1)
        shutil.copytree(Path(scratch) / "catalog" / NAME, target / NAME)


if __name__ == "__main__":
    folder = HERE / f"format_{FORMAT}"
    if folder.exists():
        sys.exit(f"{folder} is there already, and a released state is never written again.")
    make(folder)
