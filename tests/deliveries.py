"""The deliveries that a state makes, as a sink gets them: the first whole, then every diff."""

from collections.abc import Iterator

from incremental_assets.steps.delivering import changes_as_delivery, snapshot_as_delivery
from incremental_resources.sinks.delivery import Delivery
from incremental_resources.source.dialect import Dialect
from incremental_resources.state_store.store import StateStore


def deliveries(store: StateStore, dialect: Dialect) -> Iterator[Delivery]:
    """All versions that HEAD reaches, oldest first."""
    first, *rest = sorted(store.history(), key=lambda version: version.number)
    yield snapshot_as_delivery(store.connection, dialect, first)
    previous = first
    for version in rest:
        yield changes_as_delivery(store.connection, dialect, version, previous.ref.sha256)
        previous = version


def current(store: StateStore, dialect: Dialect) -> Delivery:
    """The current version whole, as a new sink gets it."""
    version = store.current()
    assert version
    return snapshot_as_delivery(store.connection, dialect, version)
