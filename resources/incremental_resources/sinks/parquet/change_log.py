"""The change log as a sink of its own: the table of the kind `parquet`, beside the state.

When it is written, and what retention leaves for it, is decided by the caller.
"""

from collections.abc import Mapping
from typing import Any

from incremental_resources.sinks.delivery import Delivery
from incremental_resources.sinks.parquet.files import ChangeFiles
from incremental_resources.state_store.objects import ObjectStore


class ChangeLog:
    """The change log of a state, beside it: the same table without the state it begins with."""

    name = "_changes"

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def publish(self, delivery: Delivery) -> Mapping[str, Any]:
        """Write the version's file, unless it is there."""
        files = ChangeFiles(self._objects, delivery.connection)
        return {"changes": files.append(delivery, with_state=False)}
