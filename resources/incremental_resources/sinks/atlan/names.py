"""The names of Atlan's entities: folders of the reference's layout, types, qualified names."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

TABLE_KEY = ("database", "schema", "table")
# The folder of an entity in the reference's layout.
FOLDERS = {
    "databases": "database",
    "schemas": "schema",
    "tables": "table",
    "columns": "column",
    "procedures": "procedure",
}


KEYS: Mapping[str, list[str]] = {
    "databases": ["database"],
    "schemas": ["database", "schema"],
    "tables": list(TABLE_KEY),
    "columns": [*TABLE_KEY, "column"],
    "procedures": ["database", "schema", "procedure", "kind", "signature"],
}

# By the state's kinds; whatever else there is, is a table.
TYPES = {
    "VIEW": "View",
    "MATERIALIZED VIEW": "MaterialisedView",
    "PARTITION": "TablePartition",
}


@dataclass(frozen=True)
class Connected:
    """The connection as Atlan knows it: its name, its connector, its qualified name."""

    name: str
    connector: str
    qualified_name: str


def _part(name: str) -> pl.Expr:
    """A name in a qualified name: Atlan joins them with slashes and escapes none, so that two could
    become one; % and / are written as %25 and %2F."""
    return _escaped(pl.col(name))


def _escaped(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all("%", "%25", literal=True).str.replace_all("/", "%2F")


def qualified(connected: Connected, entity: str, key: list[str]) -> pl.Expr:
    """The qualified name of an object whose key is in these columns."""
    start = pl.lit(connected.qualified_name)
    if entity != "procedures":
        return pl.concat_str([start, *map(_part, key)], separator="/")
    database, schema, name, kind, signature = key
    # Of one name there may be several; their arguments tell them apart.
    named = pl.concat_str([_part(name), pl.lit("("), _part(signature), pl.lit(")")])
    others = pl.concat_str(
        [pl.lit("_"), pl.col(kind).str.to_lowercase().pipe(_escaped), pl.lit("s_/")]
    )
    folder = pl.when(pl.col(kind) != "FUNCTION").then(others).otherwise(pl.lit(""))
    last = pl.concat_str([folder, named])
    return pl.concat_str([start, _part(database), _part(schema), last], separator="/")


def type_of_table(kind: str = "kind") -> pl.Expr:
    """The type of a table whose kind is in this column."""
    return pl.col(kind).replace_strict(TYPES, default="Table", return_dtype=pl.String)
