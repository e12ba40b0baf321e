"""Attributes as JSON text and back, without loss; how a diff file carries values of every dtype.

Times are ISO 8601 in UTC with microseconds. Which values are written is decided in diff.
"""

from collections.abc import Iterable, Mapping

import polars as pl

TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%.6fZ"
BEFORE_VALUE, AFTER_VALUE = '{"v":', "}"


def encode_object(rows: pl.DataFrame, names: Iterable[str]) -> pl.Series:
    """Row by row, a JSON object of these columns."""
    texts = [_as_json_type(rows.schema[name], pl.col(name)) for name in names]
    return rows.select(pl.struct(texts).struct.json_encode().alias("json"))["json"]


def encode_value(values: pl.Series) -> pl.Series:
    """Value by value, its JSON text; a missing one is ``null``."""
    objects = encode_object(values.alias("v").to_frame(), ["v"])
    return objects.str.strip_prefix(BEFORE_VALUE).str.strip_suffix(AFTER_VALUE)


def decode_object(texts: pl.Series, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """The columns that ``encode_object`` wrote."""
    fields = pl.Struct({name: _json_type(dtype) for name, dtype in schema.items()})
    decoded = texts.str.json_decode(fields).struct.unnest()
    return decoded.select(_from_json_type(name, dtype) for name, dtype in schema.items())


def decode_value(texts: pl.Series, dtype: pl.DataType) -> pl.Series:
    """The values that ``encode_value`` wrote."""
    objects = pl.Series([BEFORE_VALUE]) + texts + pl.Series([AFTER_VALUE])
    return decode_object(objects, {"v": dtype})["v"]


def _as_json_type(dtype: pl.DataType, value: pl.Expr) -> pl.Expr:
    return value.dt.strftime(TIME_FORMAT) if isinstance(dtype, pl.Datetime) else value


def _json_type(dtype: pl.DataType) -> pl.DataType:
    return pl.String() if isinstance(dtype, pl.Datetime) else dtype


def _from_json_type(name: str, dtype: pl.DataType) -> pl.Expr:
    value = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        return value.str.to_datetime(TIME_FORMAT, time_unit="us").dt.replace_time_zone("UTC")
    return value
