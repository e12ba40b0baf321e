"""The kind `parquet`: its sink. What a file holds is in ``table``, where it is in ``files``."""

from collections.abc import Mapping
from typing import Any

from incremental_resources.sinks.delivery import Delivery
from incremental_resources.sinks.kinds import Place, SinkKind
from incremental_resources.sinks.parquet.files import ChangeFiles
from incremental_resources.sinks.places import (
    PlaceOptions,
    check_place,
    open_place,
    told_as_of_a_sink,
)


class ParquetSink:
    """A file for each version, at the place of its options."""

    def __init__(self, options: PlaceOptions, place: Place) -> None:
        self.name = place.name
        self._objects = open_place(options)

    def publish(self, delivery: Delivery) -> Mapping[str, Any]:
        """Write the version's file, unless it is there."""
        with told_as_of_a_sink():
            return {"changes": ChangeFiles(self._objects, delivery.connection).append(delivery)}


KIND = SinkKind(
    name="parquet",
    title="changes as one table of Parquet files",
    options=PlaceOptions,
    make=ParquetSink,
    check=check_place,
)
