"""How our errors become Dagster's: one message, and a retry only where repeating can help.

Which errors there are is in ``core/errors.py`` and ``resources/**/errors.py``.
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg

from incremental_assets.config.connection import Connection
from incremental_assets.config.errors import ConfigError
from incremental_assets.core.errors import RuleError
from incremental_resources.errors import ResourceError

# Under this name a failed check's metadata has the message's lines; its description is Markdown.
MESSAGE = "message"
OUR_ERRORS = (RuleError, ResourceError, ConfigError)


def retries(connection: Connection) -> dg.RetryPolicy:
    """How often, and after how long, a step is tried again after a transient error."""
    return dg.RetryPolicy(
        max_retries=2,
        delay=connection.options.retry_seconds,
        backoff=dg.Backoff.EXPONENTIAL,
        jitter=dg.Jitter.PLUS_MINUS,
    )


@contextmanager
def as_failures() -> Iterator[None]:
    """Turn an error of ours into a Failure that is retried only if it is transient."""
    try:
        yield
    except OUR_ERRORS as error:
        raise failure(error) from error


def failure(error: Exception) -> dg.Failure:
    """The Failure that stands for one of our errors."""
    return dg.Failure(
        description=str(error),
        metadata={"error": type(error).__name__},
        allow_retries=bool(getattr(error, "transient", False)),
    )


def failing_with_our_message(body: Callable[..., Any]) -> Callable[..., Any]:
    """``body`` with its errors told to Dagster; its signature stays visible."""

    if inspect.isgeneratorfunction(body):

        @functools.wraps(body)
        def told_in_turn(*args: Any, **kwargs: Any) -> Any:
            with as_failures():
                yield from body(*args, **kwargs)

        return told_in_turn

    @functools.wraps(body)
    def told(*args: Any, **kwargs: Any) -> Any:
        with as_failures():
            return body(*args, **kwargs)

    return told


def message_of(event: dg.DagsterEvent) -> str | None:
    """The message of the error that began it, without Dagster's words around it."""
    data = event.event_specific_data
    told = getattr(data, "user_failure_data", None)
    if told and told.description:
        return _named(told.description, told.metadata)
    error = getattr(data, "error", None)
    while error and error.cause:
        error = error.cause
    return error.message.strip() if error else None


def message_of_check(check: Any) -> str:
    """Why an evaluation of a check failed, as plain text."""
    told = check.metadata.get(MESSAGE)
    # 0.1 stored it as one text.
    lines = [told.value] if told and isinstance(told.value, str) else told and told.value
    message = "\n".join(lines) if lines else check.description
    return message or f"The check {check.check_name} failed."


def _named(description: str, metadata: Any) -> str:
    name = metadata["error"].value if "error" in metadata else None
    return f"{name}: {description}" if name else description
