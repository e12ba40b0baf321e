"""One connection of ``connections.yaml``, or one that is built in Python: a frozen model.

Where an address comes from is in ``config_url``, what a dialect has to say about it in
``config_dialect``, options and their bounds in ``config_options``. Nothing connects here.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from incremental_assets.config.errors import refusal, unknown_key
from incremental_assets.config.options import (
    FILTERS,
    Cron,
    EntityName,
    Filters,
    Lineage,
    Model,
    Options,
    Owner,
    Regex,
)
from incremental_assets.config.sinks import SinkConfig, told_apart
from incremental_assets.config.url import (
    Address,
    LateSecret,
    base_of,
    is_left_alone,
    with_file_as_url,
)
from incremental_assets.config.watch import WatchRule

# Reading a configuration needs these, importing this module does not: Polars and SQLAlchemy are
# half a second.
if TYPE_CHECKING:
    from incremental_assets.core.scope import Scope
    from incremental_resources.source.dialect import Dialect


class Connection(Model):
    """One SQL server: its name, its address, what of it is read, and how."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9_]*$",
        max_length=60,
        description="The name in asset keys, jobs and directories.",
        json_schema_extra={
            "allowed": "up to 60 small letters, digits and underscores, a letter first"
        },
    )
    embedded: bool = Field(
        default=False,
        description="The server is the demo's own; its address is known once it has started.",
        json_schema_extra={"internal": True},
    )
    dialect_name: str | None = Field(
        default=None,
        alias="dialect",
        description="The database product; needed where the url is not known before a refresh, or "
        "the dialect is one of your own.",
        json_schema_extra={
            "allowed": "the name of a dialect, as `dialects` lists them, or ./FOLDER of one"
        },
    )
    url: Address = Field(
        description="SQLAlchemy URL of the server; relative paths of files start at the file.",
        json_schema_extra={"allowed": "dialect://user:password@host:port/database"},
    )
    url_file: Path | None = Field(
        default=None,
        description="Instead of url: a file that holds it, read whenever it is needed.",
        json_schema_extra={"allowed": "the path of a file"},
    )
    include: Filters = Field(
        default_factory=dict,
        validate_default=True,
        description="What is read; {} is everything the URL covers. Patterns match whole names.",
        json_schema_extra={"allowed": FILTERS},
    )
    exclude: Filters = Field(
        default_factory=dict,
        description="What is not read although it is included; {} is nothing.",
        json_schema_extra={"allowed": FILTERS},
    )
    exclude_tables: Regex | None = Field(
        default=None,
        description="Tables whose whole name matches are left out.",
        json_schema_extra={"allowed": "a regular expression"},
    )
    entities: tuple[EntityName, ...] | None = Field(
        default=None,
        description="Which of the dialect's entities are read; without it all of them.",
        json_schema_extra={"allowed": "a list of databases, schemas, tables, columns, procedures"},
    )
    options: Options = Field(default_factory=Options, description="How it is read and kept.")
    lineage: Lineage | None = Field(
        default=None,
        description="Which tables are assets of their own in the UI; without it none.",
        json_schema_extra={
            "allowed": "a mapping with the keys include, limit, key_prefix, key_parts, group_by"
        },
    )
    watch: tuple[WatchRule, ...] = Field(
        default=(),
        description="Changes that fail a check until they are acknowledged or reverted.",
        json_schema_extra={"allowed": "a list of rules, each with tables"},
    )
    sinks: tuple[SinkConfig, ...] = Field(
        default=(),
        description="Where versions are published.",
        json_schema_extra={"allowed": "a list of sinks, each with kind and the keys of its kind"},
    )
    schedule: Cron = Field(
        default="0 * * * *",
        description="When the schedule refreshes, once it is switched on.",
        json_schema_extra={"allowed": 'a cron expression of five fields, "0 * * * *" for instance'},
    )
    owners: tuple[Owner, ...] = Field(
        default=(),
        description="Who is shown as owner of its assets.",
        json_schema_extra={"allowed": "a list of email addresses and teams (team:data)"},
    )

    @field_validator("watch")
    @classmethod
    def _told_apart(cls, watch: tuple[WatchRule, ...]) -> tuple[WatchRule, ...]:
        names = [rule.check_name for rule in watch]
        for name in names:
            if names.count(name) > 1:
                raise refusal(f"two rules are called {name}; give each a name of its own")
        return watch

    _sinks_told_apart = field_validator("sinks")(told_apart)

    @field_validator("embedded", mode="before")
    @classmethod
    def _not_in_a_file(cls, embedded: object, info: ValidationInfo) -> object:
        if info.context:
            raise refusal(unknown_key(cls, "embedded"))
        return embedded

    @model_validator(mode="before")
    @classmethod
    def _one_address(cls, data: Any, info: ValidationInfo) -> Any:
        return with_file_as_url(data, info) if isinstance(data, dict) else data

    @field_validator("dialect_name")
    @classmethod
    def _there(cls, name: str | None, info: ValidationInfo) -> str | None:
        from incremental_assets.config.dialect import located

        return name and located(name, base_of(info))

    @field_validator("url")
    @classmethod
    def _readable(cls, url: SecretStr, info: ValidationInfo) -> SecretStr:
        from incremental_assets.config.dialect import checked

        if is_left_alone(url, info):
            return url
        return checked(url, base_of(info), info.data.get("name"), info.data.get("dialect_name"))

    @field_validator("include")
    @classmethod
    def _somewhere_to_look(cls, include: Filters, info: ValidationInfo) -> Filters:
        from incremental_assets.config.dialect import database_of

        url = info.data.get("url")
        known = url is not None and not isinstance(url, LateSecret)
        named = info.data.get("dialect_name")
        if known and not include and not database_of(url.get_secret_value(), named):
            raise refusal("is empty while the url names no database; name one in either")
        return include

    @field_validator("entities")
    @classmethod
    def _known_to_the_dialect(
        cls, entities: tuple[str, ...] | None, info: ValidationInfo
    ) -> tuple[str, ...] | None:
        from incremental_assets.config.dialect import dialect_of, ordered_entities

        if entities is None:
            return None
        url, name = info.data.get("url"), info.data.get("dialect_name")
        unknown = url is None or (name is None and is_left_alone(url, info))
        return ordered_entities(entities, None if unknown else dialect_of(url, name))

    def address(self) -> str:
        """The URL as it is now; to be called when it is needed, never kept.

        Raises:
            ConfigError: it cannot be had, or it is another product's than ``dialect`` says.
        """
        from incremental_assets.config.dialect import address_of

        return address_of(self.name, self.url, self.dialect_name)

    def dialect(self) -> "Dialect":
        """What is known of this connection's database product."""
        from incremental_assets.config.dialect import dialect_of

        return dialect_of(self.url, self.dialect_name)

    def read_entities(self) -> tuple[str, ...]:
        """The entities that this connection has; known without its URL where ``dialect`` is."""
        return self.entities or self.dialect().entities

    def scope(self) -> "Scope":
        """What the filters admit, with the entities this connection really has."""
        from incremental_assets.config.dialect import database_of, schemas_of
        from incremental_assets.core.scope import Scope

        include = dict(self.include) or schemas_of(self.address(), self.dialect_name)
        return Scope(
            include=include,
            exclude=dict(self.exclude),
            exclude_tables=self.exclude_tables,
            exclude_views=self.options.exclude_views,
            exclude_empty_tables=self.options.exclude_empty_tables,
            partitions=self.options.partitions,
            only_database=None if include else database_of(self.address(), self.dialect_name),
            entities=self.read_entities(),
        )
