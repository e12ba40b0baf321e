"""A whole ``connections.yaml`` as a frozen model. How it is found and read is in ``loading``."""

from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator

from incremental_assets.config.connection import Connection
from incremental_assets.config.errors import ConfigError, refusal, shown, unknown_key
from incremental_assets.config.options import Model
from incremental_assets.config.sinks import apart_from_state
from incremental_assets.config.state import PLACES, S3Settings, only_for_s3, placed
from incremental_assets.config.url import base_of


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

    @field_validator("connections")
    @classmethod
    def _sinks_elsewhere(
        cls, connections: tuple[Connection, ...], info: ValidationInfo
    ) -> tuple[Connection, ...]:
        for connection in connections:
            if state := info.data.get("state"):
                apart_from_state(connection.sinks, state)
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
            if [one.embedded for one in self.connections] == [True]:
                raise ConfigError(
                    f"There is no connection {shown(name)}: no connections.yaml is here, and so "
                    "only the demo. Go where the file is, or name it with --config."
                )
            raise ConfigError(
                f"There is no connection {shown(name)}. The configuration has {', '.join(known)}."
            )
        return known[name]
