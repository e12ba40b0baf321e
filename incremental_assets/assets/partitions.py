"""The dynamic partitions: one definition per connection, one key per column batch."""

import dagster as dg

from incremental_assets.naming import partitions_name


def column_batches_partitions(connection: str) -> dg.DynamicPartitionsDefinition:
    """Keys are ``<extraction id>-<4 digits>``; ``column_plan`` adds them, ``marker`` prunes."""
    return dg.DynamicPartitionsDefinition(name=partitions_name(connection))
