"""The Dagster resource ``sinks``: where versions are published, as plain ``Sinks``."""

from collections.abc import Mapping, Sequence

import dagster as dg

from incremental_resources.sinks.pool import ConfiguredSink, Sinks


def sinks_resource(configured: Mapping[str, Sequence[ConfiguredSink]]) -> dg.ResourceDefinition:
    """``Sinks`` of these; none is made before something is delivered to it."""
    return dg.ResourceDefinition(
        resource_fn=lambda _context: Sinks(configured),
        description="Where the versions of all connections are published.",
    )
