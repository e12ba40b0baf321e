"""The dynamic partitions: one definition per connection, one key per column batch."""

import dagster as dg


def column_batches_partitions(connection: str) -> dg.DynamicPartitionsDefinition:
    """Keys are ``<extraction id>-<4 digits>``; ``column_plan`` adds them, ``marker`` prunes."""
    return dg.DynamicPartitionsDefinition(name=partitions_name(connection))


def partitions_name(connection: str) -> str:
    """The name under which the instance stores a connection's keys."""
    return f"{connection}__column_batches"
