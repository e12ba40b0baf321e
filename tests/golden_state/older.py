"""Turns a state into what an older format would have left: fewer columns, a smaller number."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from incremental_resources.state_store.head import Head

OLDER = 0
# What the older format is said not to have had yet.
MISSING: Mapping[str, tuple[str, ...]] = {
    "tables": ("definition", "column_count"),
    "columns": ("default", "is_primary_key"),
}


def make_older(connection: Path) -> None:
    """Rewrite every version below the directory of a connection, and its HEAD."""
    refs: dict[int, dict[str, Any]] = {}
    for path in sorted(connection.glob("versions/*/manifest.json")):
        manifest = json.loads(path.read_text())
        manifest["files"] = [_older_file(path.parent, entry) for entry in manifest["files"]]
        manifest["parent"] = refs.get(manifest["version"] - 1)
        for later in ("source", "rolled_back_to", "replaces"):
            manifest.pop(later, None)
        path.write_text(json.dumps({**manifest, "format": OLDER}))
        refs[manifest["version"]] = {
            "version": manifest["version"],
            "manifest": path.relative_to(connection).as_posix(),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
    head = Head.from_bytes((connection / "HEAD").read_bytes(), "HEAD")
    older = head.model_copy(update={**refs[head.version], "format": OLDER})
    (connection / "HEAD").write_bytes(older.to_bytes())
    for path in connection.glob("extractions/*/extraction.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "format": OLDER}))


def _older_file(folder: Path, entry: dict[str, Any]) -> dict[str, Any]:
    file = folder / entry["path"]
    if entry["entity"] in MISSING:
        pl.read_parquet(file).drop(MISSING[entry["entity"]], strict=False).write_parquet(file)
    content = file.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    return {**entry, "bytes": len(content), "sha256": sha256}
