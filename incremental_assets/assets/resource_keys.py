"""Under which keys a connection's resources are in a code location.

Bodies ask for ``sources``, ``states``, ``progress`` and ``sinks``; Dagster knows them as
``shop__sources`` and so on, because a location may hold other resources of these names, or a second
configuration: it refuses two resources with one key. ``process`` goes with every step, and no body
uses it. What the resources are is said in ``build.py``.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg

from incremental_assets.naming import resource_key

RESOURCES = ("sources", "states", "progress", "sinks")
PROCESS = "process"


def with_resources_of(
    connection: str, *, in_run: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let Dagster give a body the resources of this connection; ``in_run``: it is a step's."""
    own_name = {resource_key(connection, name): name for name in RESOURCES}
    process = resource_key(connection, PROCESS) if in_run else None

    def decorate(body: Callable[..., Any]) -> Callable[..., Any]:
        def given(values: Mapping[str, Any]) -> dict[str, Any]:
            asked = {key: value for key, value in values.items() if key != process}
            return {own_name.get(key, key): value for key, value in asked.items()}

        if inspect.isgeneratorfunction(body):

            @functools.wraps(body)
            def called(*args: Any, **kwargs: Any) -> Any:
                yield from body(*args, **given(kwargs))

        else:

            @functools.wraps(body)
            def called(*args: Any, **kwargs: Any) -> Any:
                return body(*args, **given(kwargs))

        called.__signature__ = _asking_for(body, connection, process)  # type: ignore[attr-defined]
        return called

    return decorate


def _asking_for(
    body: Callable[..., Any], connection: str, process: str | None
) -> inspect.Signature:
    """The body's signature with the keys in place of its own names, and with ``process``."""
    signature = inspect.signature(body)
    parameters = [
        one.replace(name=resource_key(connection, one.name)) if one.name in RESOURCES else one
        for one in signature.parameters.values()
    ]
    if process:
        kind, asked = inspect.Parameter.POSITIONAL_OR_KEYWORD, dg.ResourceParam[None]
        parameters.append(inspect.Parameter(process, kind, annotation=asked))
    return signature.replace(parameters=parameters)
