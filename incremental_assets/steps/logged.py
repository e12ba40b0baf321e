"""What is known of past versions: those that are kept, and before them those of the change log.

Read without Dagster, which takes a second to import; writing the log is in ``change_log``.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from incremental_assets.core.change import Change
from incremental_assets.core.compare import diff_schema
from incremental_assets.core.entities import COLUMNS, TABLES
from incremental_assets.core.history import Diffs, names_through
from incremental_assets.steps.stored import diff_frame
from incremental_resources.sinks.parquet.files import ChangeFiles, LoggedVersion
from incremental_resources.state_store.errors import StateCorrupt
from incremental_resources.state_store.store import StateStore
from incremental_resources.state_store.version import Version

RENAMES = ["table", "previous_table"]


@dataclass(frozen=True)
class Step:
    """One version as ``log`` tells of it.

    ``since`` is the marker of the version before it; None where that is not known, or is later, as
    after a rollback. ``diffs`` is empty where nothing of it is asked for. ``first``: there was
    nothing before it.
    """

    version: int
    since: datetime | None
    until: datetime
    diffs: Diffs
    first: bool


def steps_of(store: StateStore, versions: Sequence[Version], names: Collection[str]) -> list[Step]:
    """The ``versions`` that are kept, newest first, then those before them that the log has.

    Of the latter only what concerns tables of these ``names``, and of those that they had or got by
    renames in any of all these versions.
    """
    files = ChangeFiles(store.objects, store.connection)
    logged = list(_logged_before(files.versions(), versions[-1]))
    readable = {one.ref: diffs for one in versions if (diffs := _readable_diffs(one)) is not None}
    missing = logged or len(readable) < len(versions)
    # The first version of all is made of its state, and has no renames.
    later = [readable[one.ref] for one in versions if one.manifest.parent and one.ref in readable]
    found = _logged_diffs(files, later, names) if missing else {}
    markers = [one.manifest.marker for one in versions] + [one.marker for one in logged]
    before = [*markers[1:], None]
    kept = [
        Step(
            one.number,
            _not_after(since, one.manifest.marker),
            one.manifest.marker,
            readable.get(one.ref) or found.get(one.ref.sha256, {}),
            one.manifest.parent is None,
        )
        for one, since in zip(versions, before, strict=False)
    ]
    older = [
        Step(
            one.version,
            _not_after(since, one.marker),
            one.marker,
            found.get(one.identity, {}),
            one.previous is None,
        )
        for one, since in zip(logged, before[len(versions) :], strict=True)
    ]
    return kept + older


def _not_after(since: datetime | None, until: datetime) -> datetime | None:
    return since if since is None or since <= until else None


def _readable_diffs(version: Version) -> Diffs | None:
    """None where they are damaged: the log has them too."""
    try:
        return diffs_of(version)
    except StateCorrupt:
        return None


def _logged_before(found: dict[str, LoggedVersion], oldest: Version) -> Iterator[LoggedVersion]:
    """The versions of the log that lead to the oldest one that is kept, newest first."""
    parent = oldest.manifest.parent
    identity = parent.sha256 if parent else None
    while identity in found:
        one = found.pop(identity)
        yield one
        identity = None if one.whole else one.previous


def diffs_of(version: Version) -> Diffs:
    """The changes of tables and columns in a version that is kept."""
    return {entity.name: diff_frame(version, entity) for entity in (TABLES, COLUMNS)}


def _logged_diffs(
    files: ChangeFiles, kept: Iterable[Diffs], names: Collection[str]
) -> Mapping[str, Diffs]:
    """By identity, what the log has of tables that had any of these names at any time; ``kept``
    are the diffs that are known besides.

    All at once: a log may have more versions than can be looked into one by one.
    """
    renamed = pl.col("change") == Change.RENAMED
    told = files.rows(renamed & (pl.col("entity") == TABLES.name)).lazy()
    renames = pl.concat(
        [
            rows.filter(renamed).select(RENAMES)
            for rows in [told, *(one[TABLES.name] for one in kept)]
        ]
    )
    wanted = list(names_through(names, renames.collect().iter_rows()))
    concerned = pl.any_horizontal(pl.col(name).is_in(wanted) for name in RENAMES)
    of_tables = pl.col("entity").is_in([TABLES.name, COLUMNS.name])
    rows = files.rows(of_tables & concerned)
    return {
        str(identity): {
            entity.name: of_version.lazy()
            .filter(pl.col("entity") == entity.name)
            .select(list(diff_schema(entity)))
            for entity in (TABLES, COLUMNS)
        }
        for (identity,), of_version in rows.partition_by("identity", as_dict=True).items()
    }
