"""Which of Atlan's entities a version changes, and which it takes away. What they hold is in
``entities``.
"""

import polars as pl

from incremental_resources.sinks.atlan.names import (
    FOLDERS,
    KEYS,
    TABLE_KEY,
    Connected,
    qualified,
    type_of_table,
)
from incremental_resources.sinks.delivery import Delivery


def changed(delivery: Delivery, entity: str) -> pl.LazyFrame:
    """The rows of the state whose entities are other ones since what the sink had: upserts, and
    those whose counts or parent's type changed."""
    rows, tables = delivery.state[entity], delivery.changes["tables"]
    own = delivery.upserts[entity]
    if entity == "databases":
        key, other = ["database"], delivery.changes["schemas"]
    elif entity == "schemas":
        key, other = ["database", "schema"], tables
    elif entity == "columns":
        key, other = list(TABLE_KEY), tables.filter(pl.col("attribute") == "kind")
    else:
        return own
    before = [pl.coalesce(f"previous_{name}", name).alias(name) for name in key]
    touched = pl.concat([other.select(key), other.select(before)]).unique()
    whole = [name for name in own.collect_schema().names() if name in KEYS[entity]]
    wanted = pl.concat(
        [own.select(whole), rows.join(touched, on=key, how="semi").select(whole)]
    ).unique()
    return rows.join(wanted, on=whole, how="semi")


def removed(delivery: Delivery, entity: str, connected: Connected) -> pl.LazyFrame:
    """What is gone: ``entity``, ``typeName``, ``qualifiedName``, ``status`` (DELETED), ``change``,
    ``successor``.

    The last is the qualified name that a renamed object has now. An entity of another type that has
    the name now is another one: a view that became a table is gone, as a view.
    """
    gone = delivery.removals[entity]
    if entity == "tables":
        gone = _of_former_types(delivery, gone)
    key = KEYS[entity]
    successor = pl.when(pl.col(f"new_{key[0]}").is_not_null()).then(
        qualified(connected, entity, [f"new_{name}" for name in key])
    )
    return gone.select(
        entity=pl.lit(FOLDERS[entity]),
        typeName=_type_of(entity),
        qualifiedName=qualified(connected, entity, key),
        status=pl.lit("DELETED"),
        change=pl.col("change"),
        successor=successor,
    )


def _type_of(entity: str) -> pl.Expr:
    if entity == "tables":
        return type_of_table()
    if entity == "procedures":
        is_procedure = pl.col("kind") == "PROCEDURE"
        return pl.when(is_procedure).then(pl.lit("Procedure")).otherwise(pl.lit("Function"))
    return pl.lit({"databases": "Database", "schemas": "Schema", "columns": "Column"}[entity])


def _of_former_types(delivery: Delivery, gone: pl.LazyFrame) -> pl.LazyFrame:
    """Tables that are gone, with the ``kind`` they had, and those that were of another type."""
    changes, now = delivery.changes["tables"], delivery.state["tables"].select(*TABLE_KEY, "kind")
    before = [pl.coalesce(f"previous_{name}", name).alias(name) for name in TABLE_KEY]
    left = changes.filter(pl.col("change").is_in(["DELETED", "OUT_OF_SCOPE"])).select(
        *before, kind=pl.col("before").str.json_path_match("$.kind")
    )
    # Only the last kind of a name that has had several since is in the diff.
    was = changes.filter(pl.col("attribute") == "kind").select(
        *before, kind=pl.col("before").str.json_decode(pl.String)
    )
    renamed = (
        changes.filter(pl.col("change") == "RENAMED")
        .join(now, on=TABLE_KEY, how="left")
        .select(*before, "kind")
        .join(was, on=TABLE_KEY, how="anti")
    )
    former = pl.concat([left, was, renamed]).unique(TABLE_KEY, keep="first", maintain_order=True)
    known = gone.join(former, on=TABLE_KEY, how="left")
    others = (
        former.join(gone, on=TABLE_KEY, how="anti")
        .join(now.rename({"kind": "now"}), on=TABLE_KEY, how="inner")
        .filter(type_of_table() != type_of_table("now"))
        .with_columns(change=pl.lit("UPDATED"))
    )
    return pl.concat([known, others.drop("now")], how="diagonal").sort(TABLE_KEY)
