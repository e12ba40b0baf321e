"""The Dagster resource ``states``: where states are kept, as plain ``States``."""

from collections.abc import Callable

import dagster as dg

from resources.state_store.objects import ObjectStore
from resources.state_store.pool import States


def states_resource(open_objects: Callable[[], ObjectStore]) -> dg.ResourceDefinition:
    """``States`` over the objects that ``open_objects`` opens."""
    return dg.ResourceDefinition(
        resource_fn=lambda _context: States(open_objects()),
        description="The versions, heads and working files of all connections.",
    )
