"""Rows of the state as Atlan's entities, all in Polars, so that a million columns stream through.

An entity is a row: ``typeName``, ``status``, ``attributes``, ``customAttributes``. Where it goes is
in ``kind``. What Atlan's types have is documented at https://developer.atlan.com/models.
"""

from collections.abc import Mapping

import polars as pl

from incremental_resources.sinks.atlan.names import (
    KEYS,
    TABLE_KEY,
    Connected,
    qualified,
    type_of_table,
)
from incremental_resources.sinks.delivery import Delivery

# What of the state is which attribute; (c): a custom attribute.
MAPPING = (
    ("databases", "Database: name, description, schemaCount; (c) owner"),
    ("schemas", "Schema: name, description, tableCount, viewsCount, database; (c) owner"),
    ("tables of kind VIEW", "View: definition and what a Table has"),
    ("tables of kind MATERIALIZED VIEW", "MaterialisedView: as View"),
    ("tables of kind PARTITION", "TablePartition: parentTable and what a Table has"),
    ("all other tables", "Table: columnCount, rowCount, sizeBytes, isPartitioned, atlanSchema"),
    ("tables: kind, owner, native_id", "(c) table_type, owner, native_id"),
    (
        "columns",
        "Column: dataType, order, isNullable, isPrimary, isForeign, precision, "
        "numericScale, maxLength, and its table, view, materialisedView or tablePartition",
    ),
    ("columns: default, is_identity, is_generated, collation, references", "(c) of these names"),
    ("procedures of kind PROCEDURE", "Procedure: definition, subType -1; (c) language, arguments"),
    (
        "all other procedures",
        "Function: functionDefinition, functionLanguage, functionReturnType, functionSchema",
    ),
)


def entities_of(
    delivery: Delivery, entity: str, connected: Connected, rows: pl.LazyFrame
) -> list[pl.LazyFrame]:
    """The entities that ``rows`` of an entity of the state are.

    A frame for those that have the same attributes, each in the order of the keys.
    """
    if entity == "databases":
        return [_databases(delivery, connected, rows)]
    if entity == "schemas":
        return [_schemas(delivery, connected, rows)]
    if entity == "tables":
        return _tables(connected, rows)
    if entity == "columns":
        return [_columns(delivery, connected, rows)]
    return _procedures(connected, rows)


def _entity(
    type_name: pl.Expr, attributes: Mapping[str, pl.Expr], custom: Mapping[str, pl.Expr]
) -> list[pl.Expr]:
    return [
        type_name.alias("typeName"),
        pl.lit("ACTIVE").alias("status"),
        pl.struct([value.alias(name) for name, value in attributes.items()]).alias("attributes"),
        pl.struct([value.alias(name) for name, value in custom.items()]).alias("customAttributes"),
    ]


def _common(connected: Connected, entity: str, name: str, comment: pl.Expr) -> dict[str, pl.Expr]:
    return {
        "name": pl.col(name),
        "qualifiedName": qualified(connected, entity, KEYS[entity]),
        "connectionName": pl.lit(connected.name),
        "connectionQualifiedName": pl.lit(connected.qualified_name),
        "connectorName": pl.lit(connected.connector),
        "description": comment,
    }


def _parents(connected: Connected, levels: int) -> dict[str, pl.Expr]:
    """Names and qualified names of the database, and of the schema from two levels on."""
    found = {
        "databaseName": pl.col("database"),
        "databaseQualifiedName": qualified(connected, "databases", KEYS["databases"]),
    }
    if levels > 1:
        found |= {
            "schemaName": pl.col("schema"),
            "schemaQualifiedName": qualified(connected, "schemas", KEYS["schemas"]),
        }
    return found


def _reference(type_name: str, name: pl.Expr) -> pl.Expr:
    unique = pl.struct(name.alias("qualifiedName")).alias("uniqueAttributes")
    return pl.struct(pl.lit(type_name).alias("typeName"), unique)


def _databases(delivery: Delivery, connected: Connected, rows: pl.LazyFrame) -> pl.LazyFrame:
    counts = delivery.state["schemas"].group_by("database").agg(schemas=pl.len())
    counted = rows.join(counts, on="database", how="left").sort("database")
    attributes = _common(connected, "databases", "database", pl.col("comment")) | {
        "schemaCount": pl.col("schemas").fill_null(0)
    }
    return counted.select(_entity(pl.lit("Database"), attributes, {"owner": pl.col("owner")}))


def _schemas(delivery: Delivery, connected: Connected, rows: pl.LazyFrame) -> pl.LazyFrame:
    is_view = pl.col("kind").is_in(["VIEW", "MATERIALIZED VIEW"])
    counts = (
        delivery.state["tables"]
        .group_by("database", "schema")
        .agg(views=is_view.sum(), tables=(~is_view).sum())
    )
    key = ["database", "schema"]
    counted = rows.join(counts, on=key, how="left").sort(key)
    database = qualified(connected, "databases", ["database"])
    attributes = {
        **_common(connected, "schemas", "schema", pl.col("comment")),
        **_parents(connected, 1),
        "tableCount": pl.col("tables").fill_null(0),
        "viewsCount": pl.col("views").fill_null(0),
        "database": _reference("Database", database),
    }
    return counted.select(_entity(pl.lit("Schema"), attributes, {"owner": pl.col("owner")}))


def _tables(connected: Connected, rows: pl.LazyFrame) -> list[pl.LazyFrame]:
    is_partition = pl.col("kind") == "PARTITION"
    is_view = pl.col("kind").is_in(["VIEW", "MATERIALIZED VIEW"])
    schema = _reference("Schema", qualified(connected, "schemas", KEYS["schemas"]))
    parent = qualified(connected, "tables", ["database", "parent_schema", "parent_table"])
    attributes = {
        **_common(connected, "tables", "table", pl.col("comment")),
        **_parents(connected, 2),
        "columnCount": pl.col("column_count"),
        "rowCount": pl.col("row_count"),
        "sizeBytes": pl.col("size_bytes"),
    }
    custom = {
        "table_type": pl.col("kind"),
        "owner": pl.col("owner"),
        "native_id": pl.col("native_id"),
    }
    of_tables = {"isPartitioned": pl.col("kind") == "PARTITIONED TABLE", "atlanSchema": schema}
    of_views = {"definition": pl.col("definition"), "atlanSchema": schema}
    of_partitions = {
        "tableName": pl.col("parent_table"),
        "tableQualifiedName": parent,
        "parentTable": pl.when(pl.col("parent_table").is_not_null()).then(
            _reference("Table", parent)
        ),
    }
    rows = rows.with_columns(pl.col("kind").fill_null("TABLE")).sort(TABLE_KEY)
    return [
        rows.filter(which).select(_entity(type_of_table(), attributes | more, custom))
        for which, more in (
            (~is_view & ~is_partition, of_tables),
            (is_view, of_views),
            (is_partition, of_partitions),
        )
    ]


def _columns(delivery: Delivery, connected: Connected, rows: pl.LazyFrame) -> pl.LazyFrame:
    kinds = delivery.state["tables"].select(*TABLE_KEY, "kind")
    rows = rows.join(kinds, on=TABLE_KEY, how="left", maintain_order="left")
    parent = qualified(connected, "tables", list(TABLE_KEY))
    type_name = type_of_table()
    is_view = pl.col("kind").is_in(["VIEW", "MATERIALIZED VIEW"]).fill_null(value=False)
    attributes = {
        **_common(connected, "columns", "column", pl.col("comment")),
        **_parents(connected, 2),
        "tableName": pl.when(~is_view).then("table"),
        "tableQualifiedName": pl.when(~is_view).then(parent),
        "viewName": pl.when(is_view).then("table"),
        "viewQualifiedName": pl.when(is_view).then(parent),
        "dataType": pl.col("data_type"),
        "order": pl.col("ordinal"),
        "isNullable": pl.col("nullable"),
        "isPrimary": pl.col("is_primary_key"),
        "isForeign": pl.col("is_foreign_key"),
        "precision": pl.col("numeric_precision"),
        "numericScale": pl.col("numeric_scale").cast(pl.Float64),
        "maxLength": pl.col("max_length"),
        **{
            relation: pl.when(type_name == name).then(_reference(name, parent))
            for relation, name in (
                ("table", "Table"),
                ("view", "View"),
                ("materialisedView", "MaterialisedView"),
                ("tablePartition", "TablePartition"),
            )
        },
    }
    custom = {name: pl.col(name) for name in ("default", "collation", "references")}
    # Custom attributes are texts and numbers.
    custom |= {name: pl.col(name).cast(pl.String) for name in ("is_identity", "is_generated")}
    return rows.select(_entity(pl.lit("Column"), attributes, custom))


def _procedures(connected: Connected, rows: pl.LazyFrame) -> list[pl.LazyFrame]:
    rows = rows.sort(KEYS["procedures"])
    schema = qualified(connected, "schemas", KEYS["schemas"])
    common = {
        **_common(connected, "procedures", "procedure", pl.col("comment")),
        **_parents(connected, 2),
    }
    of_procedures = {
        "definition": pl.col("definition"),
        "subType": pl.lit("-1"),
        "atlanSchema": _reference("Schema", schema),
    }
    of_functions = {
        "functionDefinition": pl.col("definition"),
        "functionLanguage": pl.col("language"),
        "functionReturnType": pl.col("return_type"),
        "functionType": pl.col("kind"),
        "functionSchema": _reference("Schema", schema),
    }
    custom = {
        name: pl.col(name) for name in ("language", "arguments", "return_type", "owner", "kind")
    }
    is_procedure = pl.col("kind") == "PROCEDURE"
    return [
        rows.filter(which).select(_entity(pl.lit(name), common | more, custom))
        for which, name, more in (
            (is_procedure, "Procedure", of_procedures),
            (~is_procedure, "Function", of_functions),
        )
    ]
