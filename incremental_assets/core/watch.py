"""What of a difference breaks a watch rule: kinds of breaks, and which tables a rule is about.

A rule compares the state with a baseline, not version with version: a break lasts until the state
equals the baseline again or a person accepts it, however many versions come between, are pruned or
rolled back. What breaks nothing is taken into the baseline, so that a column that came later is
missed when it goes. Keeping baselines is not done here.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from incremental_assets.core.breaks import Break
from incremental_assets.core.change import Change
from incremental_assets.core.diff_lines import line_of
from incremental_assets.core.entities import COLUMNS, TABLES, Entity
from incremental_assets.core.identity import identity_columns, with_database_id
from incremental_assets.core.names import path_of
from incremental_assets.core.scope import VIEW_KINDS

WHOLE = {
    (TABLES.name, Change.DELETED): Break.TABLE_DELETED,
    (TABLES.name, Change.CREATED): Break.TABLE_CREATED,
    (TABLES.name, Change.RENAMED): Break.TABLE_RENAMED,
    (COLUMNS.name, Change.DELETED): Break.COLUMN_DELETED,
    (COLUMNS.name, Change.CREATED): Break.COLUMN_ADDED,
    (COLUMNS.name, Change.RENAMED): Break.COLUMN_RENAMED,
}
ATTRIBUTES = {
    "kind": Break.KIND_CHANGED,
    "definition": Break.DEFINITION_CHANGED,
    "owner": Break.OWNER_CHANGED,
    "comment": Break.COMMENT_CHANGED,
    "data_type": Break.TYPE_CHANGED,
    "default": Break.DEFAULT_CHANGED,
    "is_primary_key": Break.KEY_CHANGED,
    "is_foreign_key": Break.KEY_CHANGED,
    "references": Break.KEY_CHANGED,
    "is_identity": Break.GENERATED_CHANGED,
    "is_generated": Break.GENERATED_CHANGED,
    "collation": Break.COLLATION_CHANGED,
}

MARK = "kind of break"


@dataclass(frozen=True)
class Finding:
    """One thing that differs from the baseline: the kind, the object's path, from what to what."""

    kind: str
    object: str
    what: str

    def to_json(self) -> dict[str, str]:
        """All fields."""
        return asdict(self)


def about(tables: pl.DataFrame, pattern: str, databases: str | None = None) -> pl.DataFrame:
    """The rows of tables whose ``schema.table`` a pattern matches, in databases that one matches.

    Paths are written as ``diff`` prints them; the match is of the whole, case-sensitive.
    """
    compiled = re.compile(pattern, re.DOTALL)
    of_databases = re.compile(databases or ".*", re.DOTALL)
    fits = [
        bool(of_databases.fullmatch(database) and compiled.fullmatch(path_of(place)))
        for database, *place in tables.select(TABLES.key).iter_rows()
    ]
    return tables.filter(pl.Series(fits, dtype=pl.Boolean))


def of_tables(columns: pl.LazyFrame, tables: pl.DataFrame) -> pl.DataFrame:
    """The columns of these tables."""
    # The filter on names comes first: a scan of Parquet skips what it leaves out.
    named = columns.filter(pl.col("table").is_in(tables["table"].unique().implode()))
    return named.join(tables.lazy().select(TABLES.key), on=TABLES.key, how="semi").collect()


def concerned(
    tables: pl.DataFrame,
    matched: pl.DataFrame,
    baseline: pl.DataFrame,
    databases: tuple[pl.DataFrame, pl.DataFrame] | None,
) -> pl.DataFrame:
    """The tables of a state to be compared with the baseline's: those that the rule matches, those
    that the baseline has, and those that are one of the baseline's under another name.

    ``databases`` are those of the baseline and of the state; None where native ids do not last.
    """
    known = [matched, tables.join(baseline.select(TABLES.key), on=TABLES.key, how="semi")]
    if databases is not None:
        # A database made from another as its template has tables with the ids of that one's.
        identity = identity_columns(TABLES)
        ids = with_database_id(baseline, databases[0]).select(identity).drop_nulls().unique()
        now = with_database_id(tables, databases[1])
        known.append(now.join(ids, on=identity, how="semi").select(tables.columns))
    return pl.concat(known).unique(TABLES.key).sort(TABLES.key)


@dataclass(frozen=True)
class Judgement:
    """The findings, and the rows of the diff that break nothing, by entity."""

    findings: Sequence[Finding]
    harmless: Mapping[str, pl.DataFrame]


def judged(
    tables: pl.DataFrame, columns: pl.DataFrame, kinds: Sequence[str], current: pl.DataFrame
) -> Judgement:
    """Divide the diff from the baseline to the state into what is of these kinds and the rest.

    A table that is gone is one finding where ``table_deleted`` is asked for, else one for each of
    its columns; the columns of a new table are none. Of a table that is gone, renamed or new
    against the rule, and of a renamed column, nothing is harmless.

    Args:
        tables: the diff of tables.
        columns: the diff of columns; without rows where there are none.
        kinds: of ``Break``.
        current: the state's tables: a definition counts only of views.
    """
    views = set(current.filter(pl.col("kind").is_in(VIEW_KINDS)).select(TABLES.key).rows())
    told = _marked(TABLES, tables, kinds, views)
    broken = told.filter(pl.col(MARK).is_in([Break.TABLE_DELETED, Break.TABLE_CREATED]))
    of_columns = _marked(COLUMNS, columns, kinds, views)
    # A column that is gone from a renamed table has the name of one that is gone as a whole.
    own = pl.col("previous_table").is_null()
    silent = of_columns.filter(own).join(_whole(broken), on=[*TABLES.key, "change"], how="semi")
    created = _whole(tables.filter(pl.col("change") == Change.CREATED))
    new = of_columns.filter(own).join(created, on=[*TABLES.key, "change"], how="semi")
    quiet = pl.concat([silent, new]).select(*COLUMNS.key, "change").unique()
    loud = of_columns.join(quiet, on=[*COLUMNS.key, "change"], how="anti")
    gone = loud.filter(pl.col(MARK) == Break.COLUMN_DELETED).join(
        tables.filter(pl.col("change") == Change.DELETED), on=TABLES.key, how="semi"
    )
    found = [*_of(TABLES, told), *_of(COLUMNS, loud)]
    return Judgement(
        found,
        _taken(
            told, of_columns, loud, pl.concat([broken.select(TABLES.key), gone.select(TABLES.key)])
        ),
    )


def _taken(
    told: pl.DataFrame, of_columns: pl.DataFrame, loud: pl.DataFrame, lost: pl.DataFrame
) -> Mapping[str, pl.DataFrame]:
    """The rows that break nothing and that the baseline can take over.

    ``lost`` has the tables of which nothing is taken over.
    """
    renamed = told.filter(pl.col(MARK) == Break.TABLE_RENAMED)
    held = pl.concat([lost.select(TABLES.key), _names(TABLES, renamed)])
    free = _harmless(told).join(_held(TABLES, told, held), on=TABLES.key, how="anti")
    moved = loud.filter(pl.col(MARK).is_in([Break.COLUMN_DELETED, Break.COLUMN_RENAMED]))
    standing = _held(COLUMNS, of_columns, _names(COLUMNS, moved))
    # With the id of a table that was made anew, ordinals would seem to be those of its columns.
    own_id = free.filter(pl.col("attribute") == "native_id")
    stale = own_id.join(standing, on=TABLES.key, how="semi").select(*TABLES.key, "attribute")
    columns = _harmless(of_columns).join(_held(TABLES, told, held), on=TABLES.key, how="anti")
    return {
        TABLES.name: free.join(stale, on=[*TABLES.key, "attribute"], how="anti"),
        COLUMNS.name: columns.join(standing, on=COLUMNS.key, how="anti"),
    }


def _names(entity: Entity, rows: pl.DataFrame) -> pl.DataFrame:
    """The names that these objects have and had; a column's below its table's present name."""
    own = entity.key[-1] if entity is COLUMNS else None
    had = [
        (name if own and name != own else pl.coalesce(f"previous_{name}", name).alias(name))
        for name in entity.key
    ]
    return pl.concat([rows.select(entity.key), rows.select(had)]).unique()


def _held(entity: Entity, rows: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """The names that stay the baseline's: those given, and whatever would have to take one."""
    moves = rows.filter(pl.col("change") == Change.RENAMED)
    while True:
        more = pl.concat([names, _names(entity, moves.join(names, on=entity.key, how="semi"))])
        if more.unique().height == names.unique().height:
            return names.unique()
        names = more


def _whole(tables: pl.DataFrame) -> pl.DataFrame:
    return tables.select(*TABLES.key, "change").unique()


def _harmless(marked: pl.DataFrame) -> pl.DataFrame:
    return marked.filter(pl.col(MARK).is_null()).drop(MARK)


def _marked(
    entity: Entity, rows: pl.DataFrame, kinds: Sequence[str], views: set[tuple[str, ...]]
) -> pl.DataFrame:
    """The rows with the kind of break that each of them is; null where it is none."""
    found = []
    for row in rows.iter_rows(named=True):
        kind = _kind(entity.name, row)
        key = (row["database"], row["schema"], row["table"])
        no_view = kind is Break.DEFINITION_CHANGED and key not in views
        found.append(None if kind is None or kind not in kinds or no_view else kind.value)
    return rows.with_columns(pl.Series(MARK, found, dtype=pl.String))


def _of(entity: Entity, marked: pl.DataFrame) -> Iterator[Finding]:
    for row in marked.filter(pl.col(MARK).is_not_null()).sort(entity.key).iter_rows(named=True):
        _, path, what = line_of(entity, row)
        yield Finding(row[MARK], path, what)


def _kind(entity: str, row: Mapping[str, Any]) -> Break | None:
    if row["change"] != Change.UPDATED:
        return WHOLE.get((entity, row["change"]))
    if row["attribute"] == "nullable":
        return Break.NOT_NULL_SET if row["after"] == "false" else Break.NOT_NULL_DROPPED
    return ATTRIBUTES.get(row["attribute"])
