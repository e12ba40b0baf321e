"""The JSON schema of ``connections.yaml``, for editors that complete and check the file.

It is derived from the models and shipped as ``connections.schema.json``, which
``python -m incremental_assets.config.schema`` writes anew. What the models check beyond a schema
(regular expressions, URLs, a dialect's entities) is not in it.
"""

import json
import os
import re
from importlib import resources as package_files
from pathlib import Path
from typing import Any

from incremental_assets.config.model import Config
from incremental_resources.sinks.kinds import OURS, kind_named

FILE = package_files.files("incremental_assets.config") / "connections.schema.json"
# A variable stands for a value of any type.
VARIABLE = {"type": "string", "pattern": r"\$\{|\{\{"}
NOT_FOR_EDITORS = ("title", "internal", "allowed", "writeOnly", "format")


def json_schema() -> dict[str, Any]:
    """The schema of what a person may write, with references to ``$defs``."""
    schema = Config.model_json_schema()
    definitions = schema.pop("$defs")
    connection = definitions["Connection"]
    connection["required"] = ["name"]
    connection["oneOf"] = [{"required": ["url"]}, {"required": ["url_file"]}]
    definitions["SinkConfig"] = _any_sink(definitions["SinkConfig"])
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "connections.yaml of incremental-assets",
        **_written(schema),
        "$defs": {
            name: model if "oneOf" in model and "properties" not in model else _written(model)
            for name, model in definitions.items()
        },
    }


def _any_sink(sink: dict[str, Any]) -> dict[str, Any]:
    """A sink of one of our kinds, each with its keys, or of somebody else's."""
    own = {name: field for name, field in sink["properties"].items() if not field.get("internal")}
    kinds = []
    for name in OURS:
        kind = kind_named(name)
        if kind is None:
            raise LookupError(name)
        keys = kind.options.model_json_schema()
        named = {"kind": {"const": name}, "name": own["name"]}
        kinds.append({**keys, "properties": {**named, **keys["properties"]}})
        kinds[-1]["required"] = ["kind", *keys.get("required", ())]
    other = {"type": "object", "properties": {"kind": {"not": {"enum": list(OURS)}}}}
    return {
        "description": sink["description"].partition("\n")[0],
        "oneOf": [*map(_written, kinds), {**other, "required": ["kind"]}],
    }


def schema_text() -> str:
    """The text of the file that is shipped."""
    return json.dumps(json_schema(), indent=2) + "\n"


def modeline(file: Path) -> str:
    """The first line of a ``connections.yaml`` at ``file``, which tells editors of the schema.

    The path is relative where the package lies below the file's folder, so that it stays true for
    everybody who keeps the environment there.
    """
    schema, folder = Path(str(FILE)), file.absolute().parent
    inside = schema.is_relative_to(folder)
    path = f".{os.sep}{schema.relative_to(folder)}" if inside else str(schema)
    # An editor takes the path to end at the first space.
    path = schema.absolute().as_uri() if re.search(r"\s", path) else path
    return f"# yaml-language-server: $schema={path}\n"


def _written(model: dict[str, Any]) -> dict[str, Any]:
    """A model's schema without what only the program sets, its fields as a file may have them."""
    fields = model.get("properties", {}).items()
    required = model.get("required", ())
    described = {key: model[key] for key in model if key not in NOT_FOR_EDITORS}
    described["properties"] = {
        name: _field(field, optional=name not in required)
        for name, field in fields
        if not field.get("internal")
    }
    return described


def _field(field: dict[str, Any], *, optional: bool) -> dict[str, Any]:
    about = {key: field[key] for key in ("description", "default") if field.get(key) is not None}
    if allowed := field.get("allowed"):
        about["description"] = f"{about.get('description', '')} Allowed: {allowed}.".strip()
    shape = {
        key: value
        for key, value in field.items()
        if key not in (*NOT_FOR_EDITORS, "description", "default")
    }
    shapes = shape.pop("anyOf", [shape])
    shapes = [{key: one[key] for key in one if key not in NOT_FOR_EDITORS} for one in shapes]
    # A key with nothing behind it means its default.
    if optional and {"type": "null"} not in shapes:
        shapes.append({"type": "null"})
    if any(one.get("type") in ("integer", "number", "boolean") or "enum" in one for one in shapes):
        shapes.append(VARIABLE)
    return {**about, **(shapes[0] if len(shapes) == 1 else {"anyOf": shapes})}


if __name__ == "__main__":
    Path(str(FILE)).write_text(schema_text(), encoding="utf-8")
