"""The kind `atlan`: its options, and what it does with a version.

What entities hold is in ``entities``; how they are left as files is in ``files``, how they get to a
tenant in ``tenant``.
"""

import tempfile
import zlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from incremental_resources.sinks.addresses import Address
from incremental_resources.sinks.atlan.changes import changed, removed
from incremental_resources.sinks.atlan.entities import entities_of
from incremental_resources.sinks.atlan.files import lines_of, write_lines, write_version
from incremental_resources.sinks.atlan.names import FOLDERS, Connected
from incremental_resources.sinks.delivery import Delivery
from incremental_resources.sinks.http import reach
from incremental_resources.sinks.kinds import Place, SinkKind
from incremental_resources.sinks.places import (
    FileOptions,
    check_all,
    open_place,
    told_as_of_a_sink,
)

CONNECTORS = {"postgresql": "postgres"}
# A number of ten digits, as the seconds in the names of Atlan's own connections are.
FIRST_EPOCH = 1_000_000_000


class AtlanOptions(FileOptions):
    """Options of Atlan: files, a tenant, or both."""

    tenant: Address | None = Field(
        default=None,
        description="A tenant to send to, through Atlan's own client.",
        json_schema_extra={"allowed": "https://tenant.atlan.com", "place": True},
    )
    api_key: SecretStr | None = Field(
        default=None,
        description="An API token of it; best as ${NAME}.",
        json_schema_extra={"allowed": "a text, ${ATLAN_API_KEY} for instance"},
    )

    connector: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9-]+$",
        description="The product as Atlan names it; without it the dialect's.",
        json_schema_extra={"allowed": "small letters, digits, hyphens", "place": True},
    )
    connection_qualified_name: str | None = Field(
        default=None,
        pattern=r"^default/[a-z0-9-]+/[0-9]+$",
        description="Of the connection in Atlan; without it one that is made of the name.",
        json_schema_extra={"allowed": "default/connector/seconds", "place": True},
    )
    timeout_seconds: float = Field(
        default=120.0, gt=0, le=900, description="Without an answer for so long it is unreachable."
    )

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.path is None and self.tenant is None:
            raise PydanticCustomError("refused", "needs path or tenant")
        if self.tenant and not (self.api_key and self.connection_qualified_name):
            raise PydanticCustomError(
                "refused", "a tenant needs api_key and connection_qualified_name"
            )
        return self


class AtlanSink:
    """Writes every version in the reference's layout, or sends what changed to a tenant."""

    def __init__(self, options: AtlanOptions, place: Place) -> None:
        self.name = place.name
        self._options = options
        self._connected = connected_of(options, place)

    def publish(self, delivery: Delivery) -> Mapping[str, Any]:
        """Write the diff, then replace the current state, then the marker; send what changed."""
        count = 0
        if self._options.path is not None:
            with told_as_of_a_sink():
                count = write_version(delivery, self._connected, open_place(self._options))
        if self._options.tenant is not None:
            count = self._send(delivery)
        return {"entities": count}

    def _send(self, delivery: Delivery) -> int:
        from incremental_resources.sinks.atlan.tenant import Tenant

        options = self._options
        if options.tenant is None or options.api_key is None:
            raise ValueError("no tenant was given")
        key = options.api_key.get_secret_value()
        tenant = Tenant(options.tenant, key, options.timeout_seconds)
        count = 0
        for entity in FOLDERS:
            for frame in entities_of(delivery, entity, self._connected, changed(delivery, entity)):
                count += tenant.put(delivery.paced(lines_of(frame)))
        for entity in reversed(FOLDERS):
            gone = lines_of(removed(delivery, entity, self._connected))
            count += tenant.archive(delivery.paced(gone))
        return count


def connected_of(options: AtlanOptions, place: Place) -> Connected:
    """The connection as Atlan knows it."""
    connector = options.connector or CONNECTORS.get(place.dialect, place.dialect)
    epoch = FIRST_EPOCH + zlib.crc32(place.connection.encode()) % FIRST_EPOCH
    made = f"default/{connector}/{epoch}"
    return Connected(place.connection, connector, options.connection_qualified_name or made)


def write_snapshot(
    delivery: Delivery, options: AtlanOptions, place: Place, stream: BinaryIO
) -> None:
    """The files of the current state one after the other: databases, schemas, tables, columns,
    procedures."""
    connected = connected_of(options, place)
    with tempfile.TemporaryDirectory(prefix="incremental-assets-") as folder:
        for entity in FOLDERS:
            frames = entities_of(delivery, entity, connected, delivery.state[entity])
            write_lines(frames, stream, Path(folder) / "part")


def _check(options: AtlanOptions) -> str:
    tenant = options.tenant
    return check_all(options, partial(reach, tenant, options.timeout_seconds) if tenant else None)


KIND = SinkKind(
    name="atlan",
    title="Atlan's entities, as JSON lines in the reference's layout or to a tenant",
    options=AtlanOptions,
    make=AtlanSink,
    check=_check,
    needs={"pyatlan": "tenant"},
    extra="atlan",
    write_snapshot=write_snapshot,
)
