"""Addresses of sinks' servers: what may be one, and what of one may be shown."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

ALLOWED = "https://host:port, without credentials"


def origin_of(url: str) -> str:
    """Scheme, host and port alone: a path, a query and credentials may be secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def is_address(url: str) -> bool:
    """Whether it is http or https, and has a host."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0


def _address(url: str) -> str:
    spaced = not url.isprintable() or any(map(str.isspace, url))
    if spaced or not is_address(url) or "@" in urlsplit(url).netloc:
        raise PydanticCustomError("refused", "is no such address; allowed: " + ALLOWED)
    return url


def _without_path(url: str) -> str:
    parts = urlsplit(_address(url))
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise PydanticCustomError("refused", f"is more than an address; allowed: {ALLOWED}")
    return url


Address = Annotated[str, AfterValidator(_address)]
BareAddress = Annotated[str, AfterValidator(_without_path)]
