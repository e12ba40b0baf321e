"""Proposals to a DataHub's server, through the REST emitter of its own SDK (extra ``datahub``).

What they hold is in ``proposals``.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

from incremental_resources.sinks.errors import SinkRefused
from incremental_resources.sinks.http import as_it_is, judge, told_as_of_a_server

# As many as the emitter puts in one request.
BATCH = 200
# Beside those of the step.
RETRIES = 1
NOT_GMS = (
    "What answers there is no metadata service (GMS) of DataHub: that is mostly at port 8080, or "
    "below /api/gms of the frontend."
)


def send(
    proposals: Iterable[Mapping[str, Any]], server: str, token: str | None, timeout: float
) -> int:
    """Send all proposals in their order; each is stored when this returns. How many they were.

    Raises:
        SinkUnavailable: no answer, or one that asks to come later.
        SinkRefused: any other answer.
    """
    count, rest = 0, iter(proposals)
    with opened(server, token, timeout) as emitter, told_as_of_a_server(server, timeout):
        from datahub.configuration.common import OperationalError
        from datahub.emitter.rest_emitter import EmitMode

        while batch := [_as_sent(one) for one in islice(rest, BATCH)]:
            try:
                emitter.emit_mcps(batch, emit_mode=EmitMode.SYNC_PRIMARY)
            except OperationalError as error:
                raise error.__cause__ or error from None
            count += len(batch)
    return count


@contextmanager
def opened(server: str, token: str | None, timeout: float) -> Iterator[Any]:
    """An emitter for a server that is a metadata service. Raises SinkUnavailable, SinkRefused."""
    # The SDK tells its makers of its use, from when it is imported.
    os.environ.setdefault("DATAHUB_TELEMETRY_ENABLED", "false")
    from datahub.emitter.rest_emitter import DataHubRestEmitter

    emitter = DataHubRestEmitter(
        server, token=token, timeout_sec=timeout, retry_max_times=RETRIES, openapi_ingestion=False
    )
    # A token is for this address alone, and what is answered elsewhere says nothing.
    emitter.session.max_redirects = 0
    emitter.session.auth = as_it_is
    with emitter:
        with told_as_of_a_server(server, timeout):
            _assert_gms(emitter.session.get(f"{server.rstrip('/')}/config"))
        yield emitter


def _assert_gms(answer: Any) -> None:
    judge(answer.status_code, answer.headers.get("Retry-After"))
    try:
        is_gms = answer.json().get("noCode") == "true"
    except (ValueError, AttributeError):
        is_gms = False
    if not is_gms:
        raise SinkRefused(NOT_GMS)


def _as_sent(proposal: Mapping[str, Any]) -> Any:
    from datahub.metadata.schema_classes import GenericAspectClass, MetadataChangeProposalClass

    aspect = json.dumps(proposal["aspect"]["json"]).encode()
    return MetadataChangeProposalClass(
        entityType=proposal["entityType"],
        entityUrn=proposal["entityUrn"],
        changeType=proposal["changeType"],
        aspectName=proposal["aspectName"],
        aspect=GenericAspectClass(value=aspect, contentType="application/json"),
    )
