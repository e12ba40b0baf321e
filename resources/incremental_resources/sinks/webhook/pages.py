"""What a webhook is sent: a version's summary and its changes as JSON in pages, or one text.

Sending and signing are in ``kind``.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from incremental_resources.sinks.delivery import Delivery

SHOWN = 20
# What follows from another change that is told.
UNTOLD = ("column_count",)
# Of everything that is known of an object that appeared, for a text for people.
CHANGES = ("CREATED", "BACKFILL", "UPDATED", "RENAMED", "DELETED", "OUT_OF_SCOPE")


def pages_of(delivery: Delivery, rows: int, *, with_state: bool) -> Iterator[dict[str, Any]]:
    """The bodies to post, in their order; at least one, which has the summary.

    Every page has the same ``version``, the number of the ``page`` from 1 and whether it is the
    ``last``. Where it is ``whole`` nothing that came before counts. ``changes`` are rows of the
    diff with ``entity``, ``before`` and ``after`` decoded.

    Args:
        delivery: the version.
        rows: changes on a page, at most.
        with_state: whether a state that begins anew is sent too, each object as CREATED.
    """
    head = {
        "connection": delivery.connection,
        "dialect": delivery.dialect,
        "version": delivery.version,
        "identity": delivery.identity,
        "previous": delivery.previous,
        "snapshot": delivery.is_snapshot,
        "whole": delivery.begins_anew,
        "marker": _moment(delivery.marker),
        "created_at": _moment(delivery.created_at),
        "summary": delivery.summary,
    }
    changes = _changes(delivery) if with_state or not delivery.begins_anew else iter(())
    number, page = 1, _some(changes, rows)
    while True:
        following = _some(changes, rows) if len(page) == rows else []
        yield {**head, "page": number, "last": not following, "changes": page}
        if not following:
            return
        number, page = number + 1, following


def text_of(delivery: Delivery) -> str:
    """A few lines for a chat: counts, and the first objects that changed."""
    told = [
        f"{entity} {', '.join(f'{count:,} {change}' for change, count in counts.items() if count)}"
        for entity, counts in delivery.summary.items()
        if any(counts.values())
    ]
    lines = [f"{delivery.connection}: version {delivery.version}: {'; '.join(told) or 'no change'}"]
    if delivery.begins_anew:
        return lines[0]
    seen: dict[str, None] = {}
    for row in _changes(delivery):
        names = [
            row[name]
            for name in ("database", "schema", "table", "column", "procedure")
            if row.get(name)
        ]
        if row["attribute"] in UNTOLD:
            continue
        attribute = f" {row['attribute']}" if row["attribute"] else ""
        seen[f"{row['change']} {_inert('.'.join(names))}{attribute}"] = None
        if len(seen) > SHOWN:
            break
    shown = list(seen)[:SHOWN]
    return "\n".join([*lines, *shown, *(["…"] if len(seen) > SHOWN else [])])


def _inert(names: str) -> str:
    """Names as Slack shows them: no mention and no link of somebody else's making.

    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    return names.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _changes(delivery: Delivery) -> Iterator[dict[str, Any]]:
    for entity, rows in delivery.changes.items():
        for batch in rows.collect_batches(chunk_size=1000, maintain_order=True):
            for row in batch.iter_rows(named=True):
                yield _decoded(entity, row)


def _decoded(entity: str, row: Mapping[str, Any]) -> dict[str, Any]:
    decoded = {
        name: None if row[name] is None else json.loads(row[name]) for name in ("before", "after")
    }
    return {"entity": entity, **row, **decoded}


def _some(changes: Iterator[dict[str, Any]], rows: int) -> list[dict[str, Any]]:
    return list(islice(changes, rows))


def _moment(moment: Any) -> str:
    return str(moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
