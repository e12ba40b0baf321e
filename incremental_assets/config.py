"""What a person can set: ``connections.yaml`` as frozen models, and the run config of a refresh.

The only module that looks for the file and at the environment. Options and their bounds are in
``config_options``, YAML in ``config_yaml``, the wording of mistakes in ``config_errors``. Nothing
connects here.
"""

import os
from collections.abc import Mapping
from importlib import resources as package_files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from incremental_assets.config_errors import (
    doubled_names,
    explain,
    place,
    refusal,
    shown,
    unknown_key,
)
from incremental_assets.config_options import Cron, Filters, Model, Options, Regex
from incremental_assets.config_state import PLACES, S3Settings, only_for_s3, placed
from incremental_assets.config_yaml import Substitution, Unreadable, parse

# Reading a configuration needs these, importing this module does not: Polars and SQLAlchemy are
# half a second.
if TYPE_CHECKING:
    from incremental_assets.core.scope import Scope
    from resources.source.dialect import Dialect

FILE_NAME = "connections.yaml"
ENVIRONMENT_VARIABLE = "INCREMENTAL_ASSETS_CONFIG"
EMBEDDED_URL = "postgresql://embedded-server/shop"
TEMPLATE_FILE = package_files.files("incremental_assets") / "connections.template.yaml"
TEMPLATE = TEMPLATE_FILE.read_text(encoding="utf-8")
FILTERS = 'a mapping of database patterns to lists of schema patterns, "*" or [] being all schemas'


class ConfigError(Exception):
    """A configuration cannot be used; each line of the message is a place, a finding, a remedy."""

    transient = False


class ExtractionConfig(dg.Config):
    """What a person can ask of one refresh, in the launchpad or on the command line."""

    full: bool = Field(
        default=False,
        description="Read every table again, whether its token says that it changed or not.",
    )
    accept_deletions: bool = Field(
        default=False,
        description="Accept that the objects which the last refused refresh listed are gone. "
        "Anything beyond that list is refused again.",
    )
    reason: str = Field(
        default="",
        description="Why this refresh was asked for; kept with the extraction.",
    )


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
    url: SecretStr = Field(
        description="SQLAlchemy URL of the server; relative paths of files start at the file.",
        json_schema_extra={"allowed": "dialect://user:password@host:port/database"},
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
    entities: tuple[str, ...] | None = Field(
        default=None,
        description="Which of the dialect's entities are read; without it all of them.",
        json_schema_extra={"allowed": "a list of databases, schemas, tables, columns, procedures"},
    )
    options: Options = Field(default_factory=Options, description="How it is read and kept.")
    schedule: Cron = Field(
        default="0 * * * *",
        description="When the schedule refreshes, once it is switched on.",
        json_schema_extra={"allowed": 'a cron expression of five fields, "0 * * * *" for instance'},
    )

    @field_validator("embedded", mode="before")
    @classmethod
    def _not_in_a_file(cls, embedded: object, info: ValidationInfo) -> object:
        if info.context:
            raise refusal(unknown_key(cls, "embedded"))
        return embedded

    @field_validator("url")
    @classmethod
    def _readable(cls, url: SecretStr, info: ValidationInfo) -> SecretStr:
        from incremental_assets.config_dialect import anchored

        return SecretStr(anchored(url.get_secret_value(), _base(info), info.data.get("name")))

    @field_validator("include")
    @classmethod
    def _somewhere_to_look(cls, include: Filters, info: ValidationInfo) -> Filters:
        from incremental_assets.config_dialect import database_of

        url = _plain(info.data.get("url"))
        if url and not include and not database_of(url):
            raise refusal("is empty while the url names no database; name one in either")
        return include

    @field_validator("entities")
    @classmethod
    def _known_to_the_dialect(
        cls, entities: tuple[str, ...] | None, info: ValidationInfo
    ) -> tuple[str, ...] | None:
        from incremental_assets.config_dialect import ordered_entities

        if entities is None:
            return None
        return ordered_entities(entities, _plain(info.data.get("url")))

    def dialect(self) -> "Dialect":
        """What is known of this connection's database product."""
        from resources.source.dialect import dialect_for

        return dialect_for(self.url.get_secret_value())

    def scope(self) -> "Scope":
        """What the filters admit, with the entities this connection really has."""
        from incremental_assets.config_dialect import database_of
        from incremental_assets.core.scope import Scope

        return Scope(
            include=dict(self.include),
            exclude=dict(self.exclude),
            exclude_tables=self.exclude_tables,
            exclude_views=self.options.exclude_views,
            exclude_empty_tables=self.options.exclude_empty_tables,
            partitions=self.options.partitions,
            only_database=None if self.include else database_of(self.url.get_secret_value()),
            entities=self.entities or self.dialect().entities,
        )


class Config(Model):
    """A whole ``connections.yaml``."""

    state: str = Field(
        default="./catalog",
        validate_default=True,
        description="Where the state is: a directory (a relative one starts at the file), or S3.",
        json_schema_extra={"allowed": PLACES},
    )
    s3: S3Settings = Field(default_factory=S3Settings, description="How S3 is reached.")
    connections: tuple[Connection, ...] = Field(
        description="The servers whose metadata is kept.",
        json_schema_extra={"allowed": "a list of at least one connection, each with name and url"},
    )
    base: Path = Field(
        default=None,
        validate_default=True,
        description="The directory that relative paths start at: the file's own.",
        json_schema_extra={"internal": True},
    )

    @field_validator("state")
    @classmethod
    def _place(cls, state: str, info: ValidationInfo) -> str:
        return placed(state, _base(info))

    _only_for_s3 = field_validator("s3")(only_for_s3)

    @field_validator("connections")
    @classmethod
    def _at_least_one(cls, connections: tuple[Connection, ...]) -> tuple[Connection, ...]:
        if not connections:
            raise ValueError("no connection")
        return connections

    @field_validator("base", mode="before")
    @classmethod
    def _from_the_loader(cls, base: object, info: ValidationInfo) -> object:
        if info.context and base is not None:
            raise refusal(unknown_key(cls, "base"))
        return base if base is not None else _base(info)

    def connection(self, name: str) -> Connection:
        """The connection of this name.

        Raises:
            ConfigError: there is none; the message has the names there are.
        """
        known = {connection.name: connection for connection in self.connections}
        if name not in known:
            raise ConfigError(
                f"There is no connection {shown(name)}. The configuration has {', '.join(known)}."
            )
        return known[name]


def _base(info: ValidationInfo) -> Path | None:
    return (info.context or {}).get("base")


def _plain(url: SecretStr | None) -> str | None:
    return None if url is None else url.get_secret_value()


def find_config(explicit: str | None, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """``--config``, else the environment's file, else ``./connections.yaml`` if there is one.

    What was asked for is returned even if it does not exist, so that reading it says so.
    """
    if asked := explicit or environ.get(ENVIRONMENT_VARIABLE):
        return cwd / Path(asked).expanduser()
    here = cwd / FILE_NAME
    return here if here.exists() else None


def demo_config(home: Path) -> Config:
    """One connection, ``demo``, to the embedded server; its state is below ``home``."""
    demo = Connection(name="demo", url=SecretStr(EMBEDDED_URL), embedded=True)
    base = home.absolute()
    return Config(state=str(base / "catalog"), connections=(demo,), base=base)


def load_config(path: Path, environ: Mapping[str, str] | None = None) -> Config:
    """The configuration in the file ``path``, its variables taken from ``environ``.

    Raises:
        ConfigError: it cannot be read, or it has mistakes; the message has all of them.
    """
    document, problems = _read(path)
    substitution = Substitution(os.environ if environ is None else environ)
    document = substitution.fill({} if document is None else document)
    known = substitution.problems | doubled_names(document)
    config, errors = _validated(document, path.absolute().parent)
    problems += [f"{place(loc, substitution.written)}: {what}" for loc, what in known.items()]
    problems += [
        explain(Config, error, substitution.written)
        for error in errors
        if not any(error["loc"][: len(loc)] == loc for loc in known)
    ]
    if config is None or problems:
        raise ConfigError("\n  ".join([f"{path} cannot be used; nothing was started.", *problems]))
    return config


def _read(path: Path) -> tuple[Any, list[str]]:
    try:
        return parse(path.read_text("utf-8-sig"))
    except OSError as error:
        reason = f"{error.strerror}. `incremental-assets init` writes a file to start from."
    except UnicodeDecodeError as error:
        reason = f"byte {error.start + 1} is not UTF-8."
    except Unreadable as error:
        reason = str(error)
    raise ConfigError(f"{path} cannot be read: {reason}")


def _validated(document: Any, base: Path) -> tuple[Config | None, list[ErrorDetails]]:
    try:
        return Config.model_validate(document, context={"base": base}), []
    except ValidationError as error:
        return None, error.errors(include_url=False)
