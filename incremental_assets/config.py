"""What a person can set: ``connections.yaml`` as frozen models, and the run config of a refresh.

The only module that looks for the file and fills in its variables. One connection of it is in
``config_connection``, options and their bounds in ``config_options``, YAML in ``config_yaml``, the
wording of mistakes in ``config_errors``. Nothing connects here.
"""

import os
from collections.abc import Mapping, Sequence
from importlib import resources as package_files
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from incremental_assets.config_connection import Connection
from incremental_assets.config_errors import (
    ConfigError,
    doubled_names,
    explain,
    place,
    refusal,
    shown,
    unknown_key,
)
from incremental_assets.config_options import Model
from incremental_assets.config_state import PLACES, S3Settings, only_for_s3, placed
from incremental_assets.config_url import base_of, leave_variables
from incremental_assets.config_yaml import Substitution, Unreadable, parse

FILE_NAME = "connections.yaml"
ENVIRONMENT_VARIABLE = "INCREMENTAL_ASSETS_CONFIG"
EMBEDDED_URL = "postgresql://embedded-server/shop"
TEMPLATE_FILE = package_files.files("incremental_assets") / "connections.template.yaml"
TEMPLATE = TEMPLATE_FILE.read_text(encoding="utf-8")


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
        description="The directory that relative paths start at: the file's own, or where we are.",
        json_schema_extra={"internal": True},
    )

    @field_validator("state")
    @classmethod
    def _place(cls, state: str, info: ValidationInfo) -> str:
        return placed(state, base_of(info))

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
        return base if base is not None else base_of(info) or Path.cwd()

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


def load_config(
    path: Path, environ: Mapping[str, str] | None = None, *, connecting: bool = True
) -> Config:
    """The configuration in the file ``path``, its variables taken from ``environ``.

    ``connecting`` as in ``config_of``.

    Raises:
        ConfigError: it cannot be read, or it has mistakes; the message has all of them.
    """
    document, problems = _read(path)
    substitution = Substitution(os.environ if environ is None else environ)
    document = substitution.fill({} if document is None else document)
    base = path.absolute().parent
    return config_of(document, substitution, base, str(path), problems, connecting=connecting)


def config_of(
    document: Any,
    substitution: Substitution,
    base: Path,
    where: str,
    problems: Sequence[str] = (),
    *,
    connecting: bool = True,
) -> Config:
    """The configuration that a document holds, its variables filled in by ``substitution``.

    Relative paths start at ``base``; ``where`` and ``problems`` begin the message. Not
    ``connecting``: addresses that cannot be had here are no mistake, as nobody asks for them.

    Raises:
        ConfigError: it has mistakes; the message has all of them.
    """
    if not connecting:
        leave_variables(document, substitution, base)
    known = substitution.problems | doubled_names(document)
    config, errors = _validated(document, {"base": base, "connecting": connecting})
    told = [*problems]
    told += [f"{place(loc, substitution.written)}: {what}" for loc, what in known.items()]
    told += [
        explain(Config, error, substitution.written)
        for error in errors
        if not any(error["loc"][: len(loc)] == loc for loc in known)
    ]
    if config is None or told:
        raise ConfigError("\n  ".join([f"{where} cannot be used; nothing was started.", *told]))
    return config


def _read(path: Path) -> tuple[Any, list[str]]:
    try:
        return parse(path.read_text("utf-8-sig"))
    except FileNotFoundError as error:
        reason = f"{error.strerror}. `incremental-assets init` writes a file to start from."
    except OSError as error:
        reason = f"{error.strerror}."
    except UnicodeDecodeError as error:
        reason = f"byte {error.start + 1} is not UTF-8."
    except Unreadable as error:
        reason = str(error)
    raise ConfigError(f"{path} cannot be read: {reason}")


def _validated(
    document: Any, context: Mapping[str, Any]
) -> tuple[Config | None, list[ErrorDetails]]:
    try:
        return Config.model_validate(document, context=dict(context)), []
    except ValidationError as error:
        return None, error.errors(include_url=False)
