"""The kind `datahub`: its options, and where proposals go. What they hold is in ``proposals``."""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, BinaryIO, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from incremental_resources.sinks.addresses import Address, origin_of
from incremental_resources.sinks.datahub.proposals import proposals_of
from incremental_resources.sinks.datahub.urns import PLATFORMS, Namer
from incremental_resources.sinks.delivery import Delivery
from incremental_resources.sinks.kinds import Place, SinkKind
from incremental_resources.sinks.levels import ONE_LEVEL
from incremental_resources.sinks.places import (
    FileOptions,
    check_all,
    open_place,
    put_lines,
    told_as_of_a_sink,
)


class DataHubOptions(FileOptions):
    """Options of DataHub: files, a server, or both."""

    server: Address | None = Field(
        default=None,
        description="The metadata service (GMS) of a DataHub.",
        json_schema_extra={"allowed": "https://host:port, without credentials", "place": True},
    )
    token: SecretStr | None = Field(
        default=None,
        description="An access token of it; best as ${NAME}.",
        json_schema_extra={"allowed": "a text, ${DATAHUB_TOKEN} for instance"},
    )
    platform: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="The product as DataHub names it; without it the dialect's.",
        json_schema_extra={"allowed": "letters, digits, underscores, hyphens", "place": True},
    )
    platform_instance: str | None = Field(
        default=None,
        description="Tells servers of one product apart.",
        json_schema_extra={"allowed": "a text", "place": True},
    )
    env: str = Field(
        default="PROD",
        pattern=r"^[A-Z_]+$",
        description="DataHub's environment of the datasets.",
        json_schema_extra={"allowed": "PROD, DEV, TEST, ... in capitals", "place": True},
    )
    view_lineage: bool = Field(
        default=True,
        description="Tell what views read, tables and columns, as their definitions say.",
    )
    timeout_seconds: float = Field(
        default=30.0, gt=0, le=600, description="Without an answer for so long it is unreachable."
    )

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.path is None and self.server is None:
            raise PydanticCustomError("refused", "needs path or server")
        return self


class DataHubSink:
    """Writes a file of proposals for each version, or sends them to a server."""

    def __init__(self, options: DataHubOptions, place: Place) -> None:
        self.name = place.name
        self._options = options
        self._namer = namer_of(options, place)

    def publish(self, delivery: Delivery) -> Mapping[str, Any]:
        """Every proposal of the version, each time anew: they replace what they said before."""
        count = 0
        if self._options.path is not None:
            with told_as_of_a_sink():
                objects = open_place(self._options)
                name = f"{delivery.version:08}-{delivery.identity[:16]}.json"
                path = f"{delivery.connection}/datahub/{name}"
                count = (
                    put_lines(
                        objects,
                        path,
                        file_of(delivery, self._namer, lineage=self._options.view_lineage),
                    )
                    - 2
                )
        if self._options.server is not None:
            from incremental_resources.sinks.datahub.server import send

            token = self._options.token
            count = send(
                delivery.paced(
                    proposals_of(delivery, self._namer, lineage=self._options.view_lineage)
                ),
                self._options.server,
                token.get_secret_value() if token else None,
                self._options.timeout_seconds,
            )
        return {"proposals": count}


def namer_of(options: DataHubOptions, place: Place) -> Namer:
    """What names the entities of the connection."""
    platform = options.platform or PLATFORMS.get(place.dialect, place.dialect)
    is_one_level = place.dialect in ONE_LEVEL
    return Namer(platform, options.env, options.platform_instance, is_one_level)


def file_of(delivery: Delivery, namer: Namer, *, lineage: bool) -> Iterator[bytes]:
    """The lines of a metadata file: a list with a proposal on every line."""
    yield b"[\n"
    before = b""
    for proposal in proposals_of(delivery, namer, lineage=lineage):
        yield before + json.dumps(proposal, ensure_ascii=False, separators=(",", ":")).encode()
        before = b",\n"
    yield b"\n]\n"


def write_snapshot(
    delivery: Delivery, options: DataHubOptions, place: Place, stream: BinaryIO
) -> None:
    """What the sink gets first, as one metadata file."""
    for line in file_of(delivery, namer_of(options, place), lineage=options.view_lineage):
        stream.write(line)


def _check(options: DataHubOptions) -> str:
    return check_all(options, partial(_check_server, options) if options.server else None)


def _check_server(options: DataHubOptions) -> str:
    from incremental_resources.sinks.datahub.server import opened

    token = options.token.get_secret_value() if options.token else None
    with opened(options.server or "", token, options.timeout_seconds):
        return f"{origin_of(options.server or '')} is a metadata service"


KIND = SinkKind(
    name="datahub",
    title="DataHub's metadata change proposals, to files or a server",
    options=DataHubOptions,
    make=DataHubSink,
    check=_check,
    needs={"datahub": "server"},
    extra="datahub",
    write_snapshot=write_snapshot,
)
