"""A sink that keeps in plain dictionaries what it was told, and what a state should have led to."""

from collections.abc import Callable, Mapping
from typing import Any

from incremental_assets.core.entities import ENTITIES, Entity
from incremental_assets.steps.stored import frames_of
from incremental_resources.sinks.delivery import Delivery
from incremental_resources.state_store.version import Version

Objects = dict[str, dict[tuple[str, ...], Mapping[str, Any]]]


class Fold:
    """Takes whole rows and keys that are gone, as somebody does who keeps a catalog elsewhere.

    ``before`` and ``after`` are called with each delivery, and may raise: before it was taken, or
    once it is (a lost answer).
    """

    def __init__(
        self,
        name: str = "fold",
        before: Callable[[Delivery], None] | None = None,
        after: Callable[[Delivery], None] | None = None,
    ) -> None:
        self.name = name
        self.objects: Objects = {entity: {} for entity in ENTITIES}
        self.versions: list[int] = []
        self.wholes: list[int] = []
        self.before = before or _nothing
        self.after = after or _nothing

    def publish(self, delivery: Delivery) -> Mapping[str, Any]:
        self.before(delivery)
        if delivery.is_snapshot:
            self.objects = {entity: {} for entity in ENTITIES}
            self.wholes.append(delivery.version)
        for name, entity in ENTITIES.items():
            for row in delivery.removals[name].collect().iter_rows(named=True):
                self.objects[name].pop(_key(entity, row), None)
            for row in delivery.upserts[name].collect().iter_rows(named=True):
                self.objects[name][_key(entity, row)] = _compared(entity, row)
        self.versions.append(delivery.version)
        self.after(delivery)
        return {"objects": sum(map(len, self.objects.values()))}


def objects_of(version: Version) -> Objects:
    """What a version holds, as a fold should have it."""
    found: Objects = {entity: {} for entity in ENTITIES}
    for name, rows in frames_of(version).items():
        entity = ENTITIES[name]
        for row in rows.collect().iter_rows(named=True):
            found[name][_key(entity, row)] = _compared(entity, row)
    return found


def in_order(versions: list[int]) -> bool:
    """Whether each version came after those before it; the last one may have come again."""
    return versions == sorted(versions)


def _key(entity: Entity, row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(row[name] for name in entity.key)


def _compared(entity: Entity, row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: row[name] for name in entity.compared}


def _nothing(_delivery: Delivery) -> None:
    pass
