"""Which databases, schemas and tables a connection covers, and why a table is left out.

Patterns are Python regular expressions that must match the whole name, case-sensitive. Reading the
configuration file and listing a source are not done here.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import polars as pl

from incremental_assets.core.entities import ENTITIES, TABLES
from incremental_assets.core.errors import InvalidScope

Filters = Mapping[str, tuple[str, ...]]
Partitions = Literal["collapse", "list"]

VIEW_KINDS = ("VIEW", "MATERIALIZED VIEW")
ROW_KINDS = ("TABLE", "PARTITIONED TABLE", "PARTITION", "MATERIALIZED VIEW")
LEFT_OUT_SCHEMA: dict[str, pl.DataType] = dict.fromkeys(
    (*TABLES.key, "native_id", "reason"), pl.String()
)
# A pattern that spells names out: shop, ^shop$, shop|crm, ^(shop|crm)$.
LITERAL = re.compile(r"(?:\\\W|[^\\.^$*+?{}\[\]|()])+")
ALTERNATIVES = rf"{LITERAL.pattern}(?:\|{LITERAL.pattern})*"
SPELT_OUT = re.compile(rf"\^?(?:\((?:\?:)?({ALTERNATIVES})\)|({ALTERNATIVES}))\$?")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # DOTALL: a name may hold a newline, and ".*" means every name.
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error as error:
        raise InvalidScope(
            f"The filter {pattern!r} is not a regular expression: {error}. A filter matches whole "
            'names, so write ".*" for all of them.'
        ) from error


def _named_by(pattern: str) -> list[str]:
    """The names that a pattern without operators spells out; none if it may match others."""
    found = SPELT_OUT.fullmatch(pattern)
    names = LITERAL.findall(found[1] or found[2]) if found else []
    return [re.sub(r"\\(\W)", r"\1", name) for name in names]


def _matches(patterns: Iterable[str], name: str) -> bool:
    return any(_compiled(pattern).fullmatch(name) for pattern in patterns)


def filters(raw: Mapping[str, str | Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Bring filters to one form: ``"*"``, ``["*"]`` and ``[]`` are all schemas, that is ``()``."""
    result: dict[str, tuple[str, ...]] = {}
    for database, schemas in raw.items():
        wanted = (schemas,) if isinstance(schemas, str) else tuple(schemas)
        result[database] = () if wanted == ("*",) else wanted
    return result


@dataclass(frozen=True)
class Scope:
    """What the filters of a connection admit; recorded with every version.

    ``include`` and ``exclude`` map database patterns to schema patterns, ``()`` being every schema.
    An empty ``include`` is everything, or only ``only_database`` where that is given.

    Raises:
        InvalidScope: a pattern is not a regular expression.
    """

    include: Filters = field(default_factory=dict)
    exclude: Filters = field(default_factory=dict)
    exclude_tables: str | None = None
    exclude_views: bool = False
    exclude_empty_tables: bool = False
    partitions: Partitions = "collapse"
    only_database: str | None = None
    entities: tuple[str, ...] = tuple(ENTITIES)

    def __post_init__(self) -> None:
        for side in (self.include, self.exclude):
            for database, schemas in side.items():
                for pattern in (database, *schemas):
                    _compiled(pattern)
        if self.exclude_tables is not None:
            _compiled(self.exclude_tables)
        if self.partitions not in ("collapse", "list"):
            raise InvalidScope(
                f'partitions is {self.partitions!r}; allowed are "collapse" and "list".'
            )

    def admits_database(self, database: str) -> bool:
        """Whether any schema of this database can be admitted."""
        if self.include:
            included = _matches(self.include, database)
        else:
            included = self.only_database in (None, database)
        return included and not any(
            not schemas and _compiled(pattern).fullmatch(database)
            for pattern, schemas in self.exclude.items()
        )

    def names_database(self, database: str) -> bool:
        """Whether this very database is asked for, and not any that fits a pattern."""
        if not self.include:
            return database == self.only_database
        return any(database in _named_by(pattern) for pattern in self.include)

    def admits_schema(self, database: str, schema: str) -> bool:
        """Whether this schema of this database is listed."""
        return (
            self.admits_database(database)
            and (not self.include or _names_schema(self.include, database, schema))
            and not _names_schema(self.exclude, database, schema)
        )

    def admits(self, frame: pl.DataFrame) -> pl.Series:
        """Row by row, whether the database and, where the frame has one, the schema are admitted.

        Every distinct database or schema is matched only once.
        """
        place = [name for name in ("database", "schema") if name in frame.columns]
        places = frame.select(place).unique()
        rule: Callable[..., bool] = (
            self.admits_schema if "schema" in place else self.admits_database
        )
        answers = pl.Series("admitted", [rule(*row) for row in places.iter_rows()], pl.Boolean)
        known = places.with_columns(answers)
        return frame.select(place).join(known, on=place, maintain_order="left")["admitted"]

    def admitted(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows whose database and, where the frame has one, schema are admitted."""
        return frame.filter(self.admits(frame))

    def to_json(self) -> dict[str, Any]:
        """The scope as plain JSON values."""
        return {
            "include": {database: list(schemas) for database, schemas in self.include.items()},
            "exclude": {database: list(schemas) for database, schemas in self.exclude.items()},
            "exclude_tables": self.exclude_tables,
            "exclude_views": self.exclude_views,
            "exclude_empty_tables": self.exclude_empty_tables,
            "partitions": self.partitions,
            "only_database": self.only_database,
            "entities": list(self.entities),
        }

    @classmethod
    def from_json(cls, recorded: Mapping[str, Any]) -> "Scope":
        """The scope that ``to_json`` recorded; unknown keys are refused by the constructor."""
        return cls(
            **{
                **recorded,
                "include": filters(recorded.get("include", {})),
                "exclude": filters(recorded.get("exclude", {})),
                "entities": tuple(recorded.get("entities", ENTITIES)),
            }
        )


def _names_schema(side: Filters, database: str, schema: str) -> bool:
    return any(
        _compiled(pattern).fullmatch(database) and (not schemas or _matches(schemas, schema))
        for pattern, schemas in side.items()
    )


def _excluded_names(names: pl.Series, pattern: str | None) -> pl.Series:
    if pattern is None:
        return pl.Series(dtype=pl.String)
    compiled = _compiled(pattern)
    return pl.Series([name for name in names.unique() if compiled.fullmatch(name)], dtype=pl.String)


def left_out_reasons(tables: pl.DataFrame, scope: Scope) -> pl.Series:
    """Row by row, why the options of the scope leave a table out; null for one that they admit.

    The reason is "excluded name", "view", "empty" or "partition". A table whose number of rows is
    unknown is not empty, and neither is one whose rows live elsewhere. Databases and schemas are
    not looked at.
    """
    excluded = _excluded_names(tables["table"], scope.exclude_tables)
    kind = pl.col("kind")
    empty = kind.is_in(ROW_KINDS) & (pl.col("row_count") == 0)
    rules = {
        "excluded name": pl.col("table").is_in(excluded.implode()),
        "view": kind.is_in(VIEW_KINDS) & scope.exclude_views,
        "empty": empty & scope.exclude_empty_tables,
        "partition": (kind == "PARTITION") & (scope.partitions == "collapse"),
    }
    reasons = [pl.when(rule).then(pl.lit(reason)) for reason, rule in rules.items()]
    return tables.select(pl.coalesce(reasons).alias("reason"))["reason"]


def split_tables(listing: pl.DataFrame, scope: Scope) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Divide a tables listing into what the options admit and what they leave out, with the reason.

    The second frame has the columns of ``LEFT_OUT_SCHEMA``. Databases and schemas are not looked
    at: a source lists only those that the scope admits.
    """
    reason = left_out_reasons(listing, scope)
    admitted = listing.filter(reason.is_null())
    left_out = listing.with_columns(reason).filter(reason.is_not_null())
    return admitted, left_out.select(*LEFT_OUT_SCHEMA)
