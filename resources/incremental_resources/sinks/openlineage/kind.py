"""The kind `openlineage`: its options, and where events go. What they hold is in ``events``."""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, BinaryIO, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from incremental_resources.sinks.addresses import Address
from incremental_resources.sinks.delivery import Delivery
from incremental_resources.sinks.http import reach
from incremental_resources.sinks.kinds import Place, SinkKind
from incremental_resources.sinks.openlineage.events import events_of
from incremental_resources.sinks.places import (
    FileOptions,
    check_all,
    open_place,
    put_lines,
    told_as_of_a_sink,
)


class OpenLineageOptions(FileOptions):
    """Options of OpenLineage: files, a server, or both."""

    url: Address | None = Field(
        default=None,
        description="A server that takes events, Marquez for instance.",
        json_schema_extra={"allowed": "https://host:port, without credentials", "place": True},
    )
    api_key: SecretStr | None = Field(
        default=None,
        description="The server's key; best as ${NAME}.",
        json_schema_extra={"allowed": "a text, ${OPENLINEAGE_API_KEY} for instance"},
    )
    namespace: str | None = Field(
        default=None,
        description="Of the datasets, as other tools name it (postgres://host:5432 for instance); "
        "without it the dialect and the connection.",
        json_schema_extra={"allowed": "a text", "place": True},
    )
    view_lineage: bool = Field(
        default=True,
        description="Tell which columns those of views come from, as far as definitions say.",
    )
    timeout_seconds: float = Field(
        default=30.0, gt=0, le=600, description="Without an answer for so long it is unreachable."
    )

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.path is None and self.url is None:
            raise PydanticCustomError("refused", "needs path or url")
        return self


class OpenLineageSink:
    """Writes a file of events for each version, or sends them one by one."""

    def __init__(self, options: OpenLineageOptions, place: Place) -> None:
        self.name = place.name
        self._options = options
        self._namespace = namespace_of(options, place)

    def publish(self, delivery: Delivery) -> Mapping[str, Any]:
        """Every event of the version, each time anew: what they say is the same."""
        count = 0
        if self._options.path is not None:
            with told_as_of_a_sink():
                objects = open_place(self._options)
                name = f"{delivery.version:08}-{delivery.identity[:16]}.jsonl"
                path = f"{delivery.connection}/openlineage/{name}"
                count = put_lines(
                    objects,
                    path,
                    lines_of(delivery, self._namespace, lineage=self._options.view_lineage),
                )
        if self._options.url is not None:
            from incremental_resources.sinks.openlineage.server import send

            key = self._options.api_key
            count = send(
                delivery.paced(
                    events_of(delivery, self._namespace, lineage=self._options.view_lineage)
                ),
                self._options.url,
                key.get_secret_value() if key else None,
                self._options.timeout_seconds,
            )
        return {"events": count}


def namespace_of(options: OpenLineageOptions, place: Place) -> str:
    """The namespace of the connection's datasets."""
    return options.namespace or f"{place.dialect}://{place.connection}"


def lines_of(delivery: Delivery, namespace: str, *, lineage: bool) -> Iterator[bytes]:
    """The events as lines of JSON."""
    for event in events_of(delivery, namespace, lineage=lineage):
        yield json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def write_snapshot(
    delivery: Delivery, options: OpenLineageOptions, place: Place, stream: BinaryIO
) -> None:
    """What the sink gets first, as one stream of lines."""
    for line in lines_of(delivery, namespace_of(options, place), lineage=options.view_lineage):
        stream.write(line)


def _check(options: OpenLineageOptions) -> str:
    url = options.url
    return check_all(options, partial(reach, url, options.timeout_seconds) if url else None)


KIND = SinkKind(
    name="openlineage",
    title="OpenLineage dataset events, to files or a server",
    options=OpenLineageOptions,
    make=OpenLineageSink,
    check=_check,
    needs={"openlineage.client": "url"},
    extra="openlineage",
    write_snapshot=write_snapshot,
)
