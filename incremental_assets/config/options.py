"""The options of a connection, their defaults and bounds, and the kinds of values they hold.

The connection that has them, and the file they come from, are in ``config``.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import dagster as dg
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from incremental_assets.config.errors import refusal, shown
from incremental_assets.core.asset_keys import key_part
from incremental_assets.naming import ENTITY_NAMES


def _not_a_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number is needed")
    return value


def _regex(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        hint = "; every name is .*" if value == "*" else ""
        raise refusal(
            f"{shown(value)} is not a regular expression: {error.msg}{hint}; "
            "allowed: a Python regular expression that matches the whole name"
        ) from None
    return value


def _cron(value: str) -> str:
    try:
        dg.ScheduleDefinition(name="check", job_name="check", cron_schedule=value)
    except dg.DagsterInvalidDefinitionError:
        raise ValueError("not a cron expression") from None
    return value


def _owner(value: str) -> str:
    try:
        dg.AssetSpec("check", owners=[value])
    except dg.DagsterInvalidDefinitionError:
        raise ValueError("no owner") from None
    return value


def _part_of_a_key(value: str) -> str:
    if not value or key_part(value) != value:
        raise refusal(f"{shown(value)} {NO_PART}; allowed: {KEY_PREFIX}")
    return value


def _with_the_table(parts: tuple[str, ...]) -> tuple[str, ...]:
    if "table" not in parts or len(set(parts)) < len(parts):
        raise refusal(f"has no table, or a name twice; allowed: {KEY_PARTS}")
    return parts


def _all_schemas(value: object) -> object:
    return () if value in ("*", ["*"]) else value


def _from_json(value: object) -> object:
    """A mapping as the text that other tools' forms and environment variables have it as."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise refusal(
            f"is a text but no JSON ({error}); allowed: {FILTERS}, or that as JSON"
        ) from None


SCHEMAS = {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"const": "*"}]}
FILTERS = 'a mapping of database patterns to lists of schema patterns, "*" or [] being all schemas'
KEY_PREFIX = "a list of texts"
NO_PART = "is empty, or has a character that Dagster's pages give a meaning"
KEY_PARTS = "a list of database, schema, table, each at most once, with table"
Whole = Annotated[int, BeforeValidator(_not_a_boolean)]
# The bounds come first: behind the validator they would not get into the JSON schema.
Sessions = Annotated[int, Field(ge=1, le=65), BeforeValidator(_not_a_boolean)]
Amount = Annotated[float, BeforeValidator(_not_a_boolean), Field(allow_inf_nan=False)]
Regex = Annotated[str, AfterValidator(_regex)]
Cron = Annotated[str, AfterValidator(_cron)]
Owner = Annotated[str, AfterValidator(_owner)]
Schemas = Annotated[
    tuple[Regex, ...],
    BeforeValidator(_all_schemas),
    WithJsonSchema(SCHEMAS),
]
Filters = Annotated[
    Mapping[Regex, Schemas],
    BeforeValidator(_from_json),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "object", "additionalProperties": SCHEMAS},
                {"type": "string", "contentMediaType": "application/json"},
            ]
        }
    ),
]
PartOfKey = Annotated[str, AfterValidator(_part_of_a_key)]
NameInKey = Literal["database", "schema", "table"]
EntityName = Annotated[str, WithJsonSchema({"enum": list(ENTITY_NAMES)})]


class Model(BaseModel):
    """A frozen part of the configuration that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_means_default(cls, data: Any) -> Any:
        """``options:`` with nothing below it is the same as no ``options`` at all."""
        if not isinstance(data, dict):
            return data
        return {
            key: value
            for key, value in data.items()
            if value is not None or key not in cls.model_fields
        }


class Options(Model):
    """How a connection is read and kept; every option has a default that suits most servers."""

    batch_columns: Whole = Field(
        default=100_000, ge=1, le=10_000_000, description="Columns that one batch reads, roughly."
    )
    batch_tables: Whole = Field(
        default=25_000, ge=1, le=1_000_000, description="Tables that one batch reads, at most."
    )
    max_concurrent_batches: Whole = Field(
        default=3,
        ge=1,
        le=64,
        description="Batches of this connection that are read at the same time.",
    )
    max_sessions: Sessions | None = Field(
        default=None,
        description="Sessions at the source at the same time; without it one more than batches.",
    )
    marker_overlap_hours: Amount = Field(
        default=3.0,
        ge=0,
        le=8760,
        description="Tables altered up to this long before the marker are read again, where the "
        "token is a time.",
    )
    exclude_views: bool = Field(
        default=False, description="Leave views and materialized views out."
    )
    exclude_empty_tables: bool = Field(
        default=False,
        description="Leave tables without rows out; switches the probe's short-cut off.",
    )
    partitions: Literal["collapse", "list"] = Field(
        default="collapse",
        description="Partitions are part of their table (collapse) or tables (list).",
    )
    deletion_guard_percent: Amount = Field(
        default=20.0,
        ge=0,
        le=100,
        description="When more than this share of the tables, of the procedures, or of the columns "
        "of tables that stay is gone, a person must accept.",
    )
    reconcile_every_days: Amount = Field(
        default=7.0, gt=0, le=3650, description="After this long a refresh reads every table again."
    )
    retain_versions: Whole = Field(
        default=30, ge=2, le=100_000, description="Versions kept, the current one included."
    )
    retain_changes_days: Amount | None = Field(
        default=None,
        gt=0,
        le=36_500,
        description="How long the change log tells of a version; without it for ever.",
    )
    retain_unpublished: Whole = Field(
        default=200,
        ge=2,
        le=100_000,
        description="Versions kept for a sink that is behind; one further behind gets the current "
        "version whole.",
    )
    fan_out: Literal["in_run", "runs"] = Field(
        default="in_run",
        description="Where sensor and schedule have batches read: in the run that refreshes, or "
        "each in a run of its own.",
    )
    sensor_seconds: Whole = Field(
        default=60, ge=1, le=86_400, description="Seconds between two probes of the change sensor."
    )
    statement_timeout_seconds: Whole = Field(
        default=600,
        ge=1,
        le=86_400,
        description="A statement at the source that takes longer is ended.",
    )
    retry_seconds: Amount = Field(
        default=2.0,
        ge=0,
        le=3600,
        description="Before a step is tried again after an error that passes; about three times as "
        "long before the third and last time.",
    )
    freshness_hours: Amount = Field(
        default=24.0, ge=0.1, le=8760, description="A state older than this is shown as stale."
    )

    @property
    def sessions(self) -> int:
        """How many sessions the source may see at the same time, whatever they are for."""
        return self.max_sessions or self.max_concurrent_batches + 1

    @property
    def batches_at_once(self) -> int:
        """How many batches are read at the same time: each needs a session."""
        return min(self.max_concurrent_batches, self.sessions)


class Lineage(Model):
    """Which tables of the state are assets of their own, their keys and their groups."""

    include: Filters = Field(
        default_factory=dict,
        description="The schemas whose tables are shown; {} is everything in the state.",
        json_schema_extra={"allowed": FILTERS},
    )
    limit: Whole = Field(
        default=2000,
        ge=1,
        le=20_000,
        description="With more tables than this none is shown.",
    )
    key_prefix: tuple[PartOfKey, ...] | None = Field(
        default=None,
        description="What the asset keys of tables begin with; without it the connection's name.",
        json_schema_extra={"allowed": KEY_PREFIX},
    )
    key_parts: Annotated[tuple[NameInKey, ...], AfterValidator(_with_the_table)] = Field(
        default=("database", "schema", "table"),
        description="Which names of a table follow in its asset key, in this order.",
        json_schema_extra={"allowed": KEY_PARTS},
    )
    group_by: Literal["connection", "database", "schema"] = Field(
        default="connection", description="What the tables of a group have in common."
    )
