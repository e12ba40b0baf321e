"""Connections by a URL's parts: with a host it is a server, without one a folder."""

from pathlib import Path
from typing import Any

from incremental_resources.source.dialects.clickhouse.doors import InProcess, OverHttp
from incremental_resources.source.dialects.clickhouse.statements import Connection


def connect(*, silence_seconds: float, host: str | None = None, **settings: Any) -> Connection:
    """A connection; ``settings`` are what the URL says.

    Raises:
        ResourceError, Error: nobody is there, or the login is refused.
    """
    if host is None:
        return Connection(InProcess(Path(settings["database"])))
    # The schemas to be read are named in every statement.
    settings.pop("database", None)
    address = {key: _value(key, value) for key, value in settings.items()}
    return Connection(OverHttp(silence_seconds, host=host, **address))


def _value(key: str, text: Any) -> Any:
    if key in ("username", "password"):
        return text
    return {"true": True, "false": False}.get(text, text)
