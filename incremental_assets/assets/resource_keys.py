"""Under which keys a connection's resources are in a code location.

Bodies ask for ``sources``, ``states`` and ``progress``; Dagster knows them as ``shop__sources`` and
so on, because a location may hold other resources of these names, or a second configuration: it
refuses two resources with one key. What the resources are is said in ``build.py``.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from incremental_assets.naming import resource_key

RESOURCES = ("sources", "states", "progress")


def with_resources_of(connection: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let Dagster give a body the resources of this connection."""
    own_name = {resource_key(connection, name): name for name in RESOURCES}

    def decorate(body: Callable[..., Any]) -> Callable[..., Any]:
        given = functools.partial(_renamed, own_name)
        if inspect.isgeneratorfunction(body):

            @functools.wraps(body)
            def called(*args: Any, **kwargs: Any) -> Any:
                yield from body(*args, **given(kwargs))

        else:

            @functools.wraps(body)
            def called(*args: Any, **kwargs: Any) -> Any:
                return body(*args, **given(kwargs))

        called.__signature__ = _asking_for(body, connection)  # type: ignore[attr-defined]
        return called

    return decorate


def _renamed(names: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in values.items()}


def _asking_for(body: Callable[..., Any], connection: str) -> inspect.Signature:
    """The body's signature with the keys in place of its own names."""
    signature = inspect.signature(body)
    parameters = [
        one.replace(name=resource_key(connection, one.name)) if one.name in RESOURCES else one
        for one in signature.parameters.values()
    ]
    return signature.replace(parameters=parameters)
