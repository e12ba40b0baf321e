"""The Dagster resource ``sources``: settings in, plain ``Sources`` out, closed with the run."""

from collections.abc import Callable, Iterator, Mapping

import dagster as dg

from incremental_resources.source.pool import Sources
from incremental_resources.source.source import Source


def sources_resource(makers: Mapping[str, Callable[[], Source]]) -> dg.ResourceDefinition:
    """``Sources`` that live as long as the run. URLs stay inside the makers: what a resource is
    configured with is shown in the UI."""

    def open_sources(_context: dg.InitResourceContext) -> Iterator[Sources]:
        sources = Sources(makers)
        try:
            yield sources
        finally:
            sources.close()

    return dg.ResourceDefinition(
        resource_fn=_as_context_manager(open_sources),
        description="The SQL servers of all connections.",
    )


def _as_context_manager(function: Callable[..., Iterator[Sources]]) -> Callable[..., object]:
    from contextlib import contextmanager

    return contextmanager(function)
