"""What is wrong with a configuration, in words: place, finding, what is allowed.

Turning the findings of pydantic into lines that a person can act on belongs here. Reading files and
the models themselves do not. Text that could hold a secret is never repeated.
"""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

Loc = tuple[int | str, ...]

KEY = "[key]"  # pydantic's mark at the end of a place: the key itself, not its value, is wrong
UNSHOWN = "(a text that is not shown)"
OTHER_NAMES = {
    "include_filter": "include",
    "exclude_filter": "exclude",
    "temp_table_regex": "exclude_tables",
    "column_batch_size": "batch_tables",
    "prepone_marker_hours": "marker_overlap_hours",
}


class ConfigError(Exception):
    """A configuration cannot be used; each line of the message is a place, a finding, a remedy."""

    transient = False


def refusal(text: str) -> PydanticCustomError:
    """What a validator raises when it has its own words."""
    return PydanticCustomError("refused", "{text}", {"text": text})


def shown(value: object) -> str:
    """``value`` for a message; whatever could be an address with a password is left out."""
    if isinstance(value, str):
        secretive = "://" in value or "@" in value or len(value) > 80
        return UNSHOWN if secretive or value == UNSHOWN else repr(value)
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return str(value) if isinstance(value, int) else f"{value:g}"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    return "a mapping"


def place(loc: Loc, written: Mapping[Loc, str]) -> str:
    """``connections[0].options.batch_columns``; keys as written, before any substitution."""
    text = ""
    for depth, part in enumerate(loc, start=1):
        if part == KEY:
            continue
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        key = written.get((*loc[:depth], KEY), part)
        text += f".{key}" if key.isidentifier() else f"[{shown(key)}]"
    return text.removeprefix(".") or "the file"


def explain(root: type[BaseModel], error: ErrorDetails, written: Mapping[Loc, str]) -> str:
    """One line for one finding."""
    return f"{place(error['loc'], written)}: {_finding(root, error, written)}"


def refused_by(root: type[BaseModel], error: ValidationError) -> ValidationError:
    """The findings in a part of a file that has a model of its own, each already in words.

    Its texts are not repeated: any of them may be a secret.
    """
    details: list[InitErrorDetails] = [
        {"type": refusal(_finding(root, one, _unshown(one))), "loc": one["loc"], "input": None}
        for one in error.errors(include_url=False)
    ]
    return ValidationError.from_exception_data(root.__name__, details)


def _unshown(error: ErrorDetails) -> Mapping[Loc, str]:
    return {error["loc"]: UNSHOWN} if isinstance(error["input"], str) else {}


def unknown_key(model: type[BaseModel], key: str) -> str:
    """Why ``key`` is refused, and the known key that was probably meant."""
    known = known_keys(model)
    plain = key.strip().lower().replace("-", "_")
    nearest = [OTHER_NAMES.get(plain, "")] + difflib.get_close_matches(plain, known, 1, 0.5)
    for name in nearest:
        if name in known:
            return f"unknown key; did you mean {name}?"
    return f"unknown key; allowed: {', '.join(known)}"


def known_keys(model: type[BaseModel]) -> list[str]:
    """The keys a file may hold here; fields marked internal are set by the program alone."""
    fields = model.model_json_schema()["properties"]
    return [name for name, schema in fields.items() if not schema.get("internal")]


def field_at(model: type[BaseModel], key: str) -> FieldInfo:
    """The field that a file calls ``key``."""
    fields = model.model_fields
    return fields.get(key) or next(one for one in fields.values() if one.alias == key)


def doubled_names(document: Any) -> dict[Loc, str]:
    """The connections whose name another one has already."""
    listed = document.get("connections") if isinstance(document, dict) else None
    first: dict[str, int] = {}
    problems: dict[Loc, str] = {}
    for index, connection in enumerate(listed if isinstance(listed, list) else []):
        name = connection.get("name") if isinstance(connection, dict) else None
        if isinstance(name, str) and first.setdefault(name, index) != index:
            problems["connections", index, "name"] = (
                f"connections[{first[name]}] has this name already"
            )
    return problems


def _finding(root: type[BaseModel], error: ErrorDetails, written: Mapping[Loc, str]) -> str:
    loc = error["loc"]
    if error["type"] == "refused":
        return error["msg"]
    if error["type"] == "extra_forbidden":
        return unknown_key(_model_at(root, loc[:-1]), str(loc[-1]))
    allowed = _allowed_at(root, loc)
    if error["type"] == "missing":
        return f"is required; allowed: {allowed}"
    return f"{shown(written.get(loc, error['input']))} is not allowed; allowed: {allowed}"


def _allowed_at(root: type[BaseModel], loc: Loc) -> str:
    names = [part for part in loc if isinstance(part, str)]
    model = root
    for name in names:
        field = field_at(model, name)
        inner = _model_in(field.annotation)
        if inner is None:
            return _allowed(model.model_json_schema()["properties"][name])
        model = inner
    if loc and isinstance(loc[-1], str) and (own := _own_words(root, names)):
        return own
    return f"a mapping with the keys {', '.join(known_keys(model))}"


def _own_words(root: type[BaseModel], names: list[str]) -> str:
    """What a field that holds models says of itself, if anything."""
    extra = field_at(_model_at(root, names[:-1]), names[-1]).json_schema_extra
    return str(extra.get("allowed", "")) if isinstance(extra, dict) else ""


def _model_at(root: type[BaseModel], loc: Iterable[int | str]) -> type[BaseModel]:
    model = root
    for part in loc:
        if isinstance(part, str):
            model = _model_in(field_at(model, part).annotation) or model
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a field holds, by itself or as the items of a tuple."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _allowed(schema: Mapping[str, Any]) -> str:
    """The rule of a field in words, from its JSON schema."""
    if "allowed" in schema:
        return str(schema["allowed"])
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return " or ".join(schema["enum"])
    kind = {"boolean": "true or false", "integer": "a whole number", "number": "a number"}
    # What may be left out is a choice of its kind and null.
    rule = next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), schema)
    default = "none" if schema["default"] is None else shown(schema["default"])
    return f"{kind[rule['type']]}{_bounds(rule)} (default {default})"


def _bounds(schema: Mapping[str, Any]) -> str:
    words = (
        ("exclusiveMinimum", "above"),
        ("minimum", "from"),
        ("maximum", "to"),
    )
    return "".join(f" {word} {shown(schema[name])}" for name, word in words if name in schema)
