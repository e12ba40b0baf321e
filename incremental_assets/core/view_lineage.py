"""What views read as rows, for those to whom a version is published.

What one view says depends on the state alone, whichever others are asked for with it. How a view is
read is in views.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from incremental_assets.core.change import Change
from incremental_assets.core.entities import COLUMNS, TABLES, TEXT
from incremental_assets.core.lineage import Place, Reads
from incremental_assets.core.scope import VIEW_KINDS

Frames = Mapping[str, pl.LazyFrame]
Known = dict[str, dict[Place, tuple[str, ...]]]
SCHEMA = dict.fromkeys(
    (*TABLES.key, "column", "source_schema", "source_table", "source_column"), TEXT
)


@dataclass(frozen=True)
class ViewLineage:
    """Reads the views of a version.

    ``state``: complete. ``dialect``: as sqlglot calls the product. ``qualified``: whether
    definitions name the schema of every table.
    """

    state: Frames
    dialect: str
    qualified: bool

    def __call__(self, keys: pl.DataFrame) -> pl.DataFrame:
        """What the views among these tables read.

        Args:
            keys: has the columns database, schema, table.

        Returns:
            ``SCHEMA``, sorted: a row for each table that a view reads, where ``column`` and
            ``source_column`` are null, and one for each column that a column of it comes from, as
            far as that is found. Sources are in the view's own database.
        """
        wanted = keys.lazy().select(TABLES.key)
        views = _views(self.state).join(wanted, on=TABLES.key, how="semi").sort(TABLES.key)
        found = views.select(*TABLES.key, "definition").collect()
        # It imports sqlglot, which takes time that only those pay who have views.
        rows = list(self._rows(found)) if not found.is_empty() else []
        return pl.DataFrame(rows, schema=SCHEMA, orient="row").sort(pl.all())

    def _rows(self, views: pl.DataFrame) -> Iterator[tuple[str | None, ...]]:
        from incremental_assets.core.sql_budget import STEPS_IN_TOTAL
        from incremental_assets.core.views import ViewReader

        readers = {
            database: ViewReader(self.dialect, known, self.qualified)
            for database, known in self._known(views).items()
        }
        for database, schema, table, definition in views.iter_rows():
            reader = readers[database]
            # Every view's own: else what it says would depend on those before it.
            reader.budget.left = STEPS_IN_TOTAL
            for row in _told(reader.read(definition, (schema, table))):
                yield (database, schema, table, *row)

    def _known(self, views: pl.DataFrame) -> Known:
        """All tables of the views' databases, with the columns of those that a text may name."""
        databases = views.select("database").unique()
        tables = self.state[TABLES.name].select(TABLES.key)
        here = tables.join(databases.lazy(), on="database", how="semi").sort(TABLES.key)
        words = views.lazy().select("database", word=_words()).explode("word").unique()
        own = views.lazy().select(TABLES.key)
        named = pl.concat([_named_by(here, words), own]).unique()
        columns = (
            self.state[COLUMNS.name]
            .join(named, on=TABLES.key, how="semi")
            .sort("ordinal", "column", nulls_last=True)
            .group_by(TABLES.key, maintain_order=True)
            .agg("column")
        )
        rows = here.join(columns, on=TABLES.key, how="left", maintain_order="left").collect()
        known: Known = {}
        for database, schema, table, names in rows.iter_rows():
            known.setdefault(database, {})[schema, table] = tuple(names or ())
        return known


def affected_views(state: Frames, changes: Frames) -> pl.LazyFrame:
    """The rows of views that may read something else now, because of what tables they name.

    Rather one too many than one too few; a view that differs itself is in it only by chance. Both
    arguments are complete.
    """
    tables = changes[TABLES.name].filter(pl.col("change") != Change.UPDATED)
    moved = (pl.col("change") != Change.UPDATED) | (pl.col("attribute") == "ordinal")
    columns = changes[COLUMNS.name].filter(moved)
    before = [pl.coalesce(f"previous_{name}", name).alias(name) for name in TABLES.key]
    named = pl.concat(
        [rows.select(keys) for rows in (tables, columns) for keys in (TABLES.key, before)]
    ).unique()
    views = _views(state)
    words = views.select(*TABLES.key, word=_words()).explode("word")
    naming = words.join(_by_word(named), on=["database", "word"], how="semi").select(TABLES.key)
    odd = named.filter(~_is_word()).select("database").unique()
    maybe = views.join(odd, on="database", how="semi").select(TABLES.key)
    return views.join(pl.concat([naming, maybe]).unique(), on=TABLES.key, how="semi")


def _views(state: Frames) -> pl.LazyFrame:
    is_view = pl.col("kind").is_in(VIEW_KINDS) & pl.col("definition").is_not_null()
    return state[TABLES.name].filter(is_view)


def _words() -> pl.Expr:
    """The words of a definition: a name that is one word cannot be in the text otherwise."""
    return pl.col("definition").str.to_lowercase().str.extract_all(r"\w+").list.unique()


def _is_word() -> pl.Expr:
    return pl.col("table").str.contains(r"^\w+$")


def _by_word(tables: pl.LazyFrame) -> pl.LazyFrame:
    plain = tables.filter(_is_word())
    return plain.select("database", word=pl.col("table").str.to_lowercase())


def _named_by(tables: pl.LazyFrame, words: pl.LazyFrame) -> pl.LazyFrame:
    """The tables whose name is among the words of their database, and those of odd names."""
    worded = tables.with_columns(word=pl.col("table").str.to_lowercase())
    plain = worded.filter(_is_word()).join(words, on=["database", "word"], how="semi")
    return pl.concat([plain, worded.filter(~_is_word())]).select(TABLES.key)


def _told(reads: Reads) -> Iterator[tuple[str | None, ...]]:
    for schema, table in reads.tables:
        yield (None, schema, table, None)
    for column, sources in reads.columns.items():
        for source in sources:
            yield (column, *source)
