"""How the JSON documents of the state (HEAD, manifests, records) are written and read.

Times are UTC with microseconds and a Z. What the documents say is in head.py and manifest.py.
"""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, ValidationError

from incremental_resources.state_store.errors import StateCorrupt, StateTooNew

# 2: columns have references.
FORMAT = 2


def moment_text(moment: datetime) -> str:
    """A time as the state writes it: 2026-01-31T12:00:00.123456Z."""
    if moment.tzinfo is None:
        raise ValueError("a time with its zone is needed")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _moment(value: object) -> object:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ValueError("a time with its zone is needed")
    return moment.astimezone(UTC)


Moment = Annotated[
    datetime, BeforeValidator(_moment), PlainSerializer(moment_text, return_type=str)
]


def dump_json(content: Any, *, indent: int | None = None) -> bytes:
    """JSON as the state stores it; datetimes become text."""
    separators = (",", ":") if indent is None else None
    text = json.dumps(
        content, ensure_ascii=False, indent=indent, separators=separators, default=_plain
    )
    return f"{text}\n".encode()


def load_json(data: bytes, path: str) -> Any:
    """Raises StateTooNew, StateCorrupt naming ``path``."""
    try:
        content = json.loads(data)
    except ValueError as error:
        raise unreadable(path, str(error)) from error
    found = content.get("format") if isinstance(content, dict) else None
    if isinstance(found, int) and found > FORMAT:
        raise StateTooNew(
            f"{path} has format {found}; this program knows formats up to {FORMAT}. "
            "Upgrade incremental-assets; the state was left as it is."
        )
    return content


class Document(BaseModel):
    """A frozen JSON object; keys it does not know are passed over, newer formats are not."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    def to_bytes(self, *, indent: int | None = None) -> bytes:
        """The document as it is stored; keys in the order of the fields."""
        return dump_json(self.model_dump(mode="json"), indent=indent)

    @classmethod
    def from_bytes(cls, data: bytes, path: str) -> Self:
        """Raises StateTooNew, StateCorrupt naming ``path``."""
        load_json(data, path)
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "document"
            raise unreadable(path, f"{place}: {first['msg']}") from error


def unreadable(path: str, reason: str) -> StateCorrupt:
    """The error that says so."""
    return StateCorrupt(f"{path} cannot be read ({reason}). Restore it from a backup.")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return moment_text(value)
    raise TypeError(f"{type(value).__name__} cannot be stored as JSON")
