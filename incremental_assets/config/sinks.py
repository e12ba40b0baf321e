"""The sinks of a connection as a file has them: ``kind``, ``name``, and the keys of the kind.

Kinds, and what their keys mean, are in ``incremental_resources.sinks``.
"""

import json
from difflib import get_close_matches
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from pydantic import (
    BaseModel,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from incremental_assets.config.errors import refusal, refused_by, shown
from incremental_assets.config.options import Model
from incremental_assets.config.state import PLACES, placed
from incremental_assets.config.url import base_of
from incremental_resources.sinks.addresses import is_address

# Reading a configuration without sinks needs none of them.
if TYPE_CHECKING:
    from incremental_resources.sinks.kinds import SinkKind

# Shorter parts of an address are words that a message may have by chance.
LEAST = 8
SAID = ":"
OWN_KEYS = ("kind", "name")


class SinkConfig(Model):
    """One sink. ``options`` holds the keys of its kind, as the kind's model.

    None where the file was read for something that publishes nothing.
    """

    kind: str = Field(
        description="What it is.",
        json_schema_extra={
            "allowed": "atlan, datahub, openlineage, parquet, webhook, or one that is installed"
        },
    )
    name: str | None = Field(
        default=None,
        pattern=r"^[a-z][a-z0-9_]*$",
        max_length=60,
        description="Its name among the connection's sinks; without it the kind.",
        json_schema_extra={
            "allowed": "up to 60 small letters, digits and underscores, a letter first"
        },
    )
    options: Any = Field(default=None, json_schema_extra={"internal": True})
    place: str | None = Field(default=None, json_schema_extra={"internal": True})

    @model_validator(mode="before")
    @classmethod
    def _by_its_kind(cls, data: Any, info: ValidationInfo) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("kind"), str):
            # Which keys there may be, only a kind says.
            return data if not isinstance(data, dict) else _own(data)
        own = _own(data)
        given = data.get("options")
        if not info.context and isinstance(given, BaseModel):
            return {**own, "options": given, "place": data.get("place")}
        if not _is_read(data["kind"], info):
            return own
        rest = {key: value for key, value in data.items() if key not in OWN_KEYS}
        kind = kind_of(data["kind"])
        try:
            options = kind.options.model_validate(_anchored(kind, rest, info))
        except ValidationError as error:
            raise refused_by(kind.options, error) from None
        if missing := kind.missing(options):
            raise refusal(missing)
        return {**own, "options": options, "place": _place_of(kind, rest)}

    @field_validator("kind")
    @classmethod
    def _there(cls, kind: str, info: ValidationInfo) -> str:
        return kind_of(kind).name if _is_read(kind, info) else kind

    @property
    def sink_name(self) -> str:
        """Its name among the connection's sinks."""
        return self.name or self.kind

    def secrets(self) -> frozenset[str]:
        """Every form in which a secret of its options may turn up."""
        found = {text for text in _secrets_in(self.options) if text and not _is_bare(text)}
        found |= {part for text in found for part in _parts_of(text) if len(part) >= LEAST}
        return frozenset(found | {quote(text, safe="") for text in found})


def _own(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key in OWN_KEYS}


def _is_read(kind: str, info: ValidationInfo) -> bool:
    """Whether somebody wants the options of sinks of this kind."""
    publishing = (info.context or {}).get("publishing", True)
    return publishing is True or publishing == kind


def kind_of(name: str) -> "SinkKind":
    """The kind of that name."""
    from incremental_resources.sinks.errors import SinkRefused
    from incremental_resources.sinks.kinds import kind_named, kinds

    try:
        found = kind_named(name)
    except SinkRefused as error:
        raise refusal(str(error)) from None
    if found is None:
        (*nearest,) = get_close_matches(name.lower(), kinds(), 1)
        hint = f"did you mean {nearest[0]}?" if nearest else f"allowed: {', '.join(kinds())}"
        raise refusal(f"{shown(name)} is no kind of sink; {hint}")
    return found


def told_apart(sinks: tuple[SinkConfig, ...]) -> tuple[SinkConfig, ...]:
    """``sinks``, unless two have one name."""
    names = [sink.sink_name for sink in sinks]
    for name in names:
        if names.count(name) > 1:
            raise refusal(f"two sinks are called {name}; give each a name of its own")
    for one, other in combinations(sinks, 2):
        if one.kind == other.kind and _meet(one, other):
            raise refusal(
                f"the sinks {one.sink_name} and {other.sink_name} are at one place, and would "
                "overwrite each other; give each its own"
            )
    return sinks


def _meet(one: SinkConfig, other: SinkConfig) -> bool:
    """Whether two sinks of a kind write the same files, or say the same to one server."""
    paths = [_path_of(sink) for sink in (one, other)]
    said = one.place is not None and SAID in one.place
    return (said and one.place == other.place) or (paths[0] is not None and paths[0] == paths[1])


def _path_of(sink: SinkConfig) -> str | None:
    path = getattr(sink.options, "path", None)
    return path.rstrip("/") if isinstance(path, str) else None


def apart_from_state(sinks: tuple[SinkConfig, ...], state: str) -> None:
    """Refuse a sink that would write where the state is."""
    for sink in sinks:
        if _path_of(sink) == state.rstrip("/"):
            raise refusal(
                f"the path of the sink {sink.sink_name} is that of `state`; give it its own"
            )


def _anchored(kind: "SinkKind", keys: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
    """``keys`` with the paths that start at the file as absolute ones."""
    base = base_of(info)
    marked = [
        name
        for name, field in kind.options.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("anchored")
    ]
    return {
        key: _located(value, base) if key in marked and isinstance(value, str) else value
        for key, value in keys.items()
        if value is not None
    }


def _place_of(kind: "SinkKind", keys: dict[str, Any]) -> str:
    """The kind, and a hash of what these keys say of where the sink is, if they say anything.

    Of keys as they are written: a relative path is the same place on every machine.
    """
    marked = {
        name: keys[name]
        for name, field in kind.options.model_fields.items()
        if isinstance(field.json_schema_extra, dict)
        and field.json_schema_extra.get("place")
        and keys.get(name) is not None
    }
    if not marked:
        return kind.name
    digest = sha256(json.dumps(marked, sort_keys=True).encode()).hexdigest()[:32]
    return f"{kind.name}{SAID}{digest}"


def _located(path: str, base: Path | None) -> str:
    if "\0" in path:
        raise refusal("path has a character that no path has")
    try:
        return placed(path, base or Path.cwd())
    except ValidationError:
        raise
    except PydanticCustomError as error:
        raise refusal(f"path {error.message()}") from None
    except ValueError as error:
        raise refusal(f"path is {error}; allowed: {PLACES}") from None


def _is_bare(text: str) -> bool:
    """Whether it is an address without anything that nobody may know."""
    parts = urlsplit(text) if "://" in text and is_address(text) else None
    return parts is not None and parts.path in ("", "/") and "@" not in text and not parts.query


def _parts_of(text: str) -> tuple[str, ...]:
    """What of an address is secret by itself: clients' messages have parts of it."""
    if "://" not in text:
        return ()
    try:
        parts = urlsplit(text)
    except ValueError:
        return ()
    pieces = [piece for piece in (parts.path, *parts.path.split("/"), parts.query) if piece]
    return (parts.password or "", *pieces)


def _secrets_in(value: Any) -> set[str]:
    if isinstance(value, SecretStr):
        return {value.get_secret_value()}
    if isinstance(value, BaseModel):
        return set().union(*(_secrets_in(one) for _, one in value))
    if isinstance(value, dict):
        return set().union(*(_secrets_in(one) for one in value.values()))
    if isinstance(value, list | tuple):
        return set().union(*(_secrets_in(one) for one in value))
    return set()
