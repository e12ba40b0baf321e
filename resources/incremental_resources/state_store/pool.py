"""The states of all connections, below one store of objects."""

from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.store import StateStore


class States:
    """State stores by connection name."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._stores: dict[str, StateStore] = {}

    def __getitem__(self, connection: str) -> StateStore:
        return self._stores.setdefault(connection, StateStore(self._objects, connection))
