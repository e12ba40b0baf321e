"""Whatever a configuration may leave out, the definitions of the rest load, and every job runs what
there is.
"""

import json
from itertools import product
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from incremental_assets.build import build_definitions
from incremental_assets.config.loading import load_config
from incremental_assets.config.model import Config
from incremental_assets.config.options import Options
from incremental_resources.state_store.memory import MemoryObjects
from tests.entities import SUBSETS, URLS

# Every option that is a choice and no amount.
CHOICES: dict[str, tuple[Any, ...]] = {
    "exclude_views": (False, True),
    "exclude_empty_tables": (False, True),
    "partitions": ("collapse", "list"),
    "fan_out": ("in_run", "runs"),
}
LINEAGE = (None, {"include": {}})


def test_every_choice_is_among_them() -> None:
    chosen = {
        name
        for name, field in Options.model_fields.items()
        if field.annotation is bool or "Literal" in str(field.annotation)
    }
    assert chosen == set(CHOICES)


def config_of(folder: Path, url: str, entities: tuple[str, ...]) -> Config:
    """A connection for every combination of what else may be chosen."""
    connections = [
        {
            "name": f"shop_{number}",
            "url": url,
            "entities": list(entities),
            "options": dict(zip(CHOICES, values, strict=True)),
            "lineage": lineage,
        }
        for number, (lineage, *values) in enumerate(product(LINEAGE, *CHOICES.values()))
    ]
    path = folder / "connections.yaml"
    path.write_text(json.dumps({"connections": connections}))
    return load_config(path)


@pytest.mark.parametrize(("name", "entities"), SUBSETS)
def test_every_combination_loads(tmp_path: Path, name: str, entities: tuple[str, ...]) -> None:
    config = config_of(tmp_path, URLS[name], entities)
    definitions = build_definitions(config, objects=MemoryObjects())
    dg.Definitions.validate_loadable(definitions)

    repository = definitions.get_repository_def()
    there = {key.path[1] for key in definitions.resolve_asset_graph().executable_asset_keys}
    assert {"databases", "schemas", "tables", "columns", "procedures"} & there == {*entities}
    for connection in config.connections:
        steps = {
            job.removeprefix(f"{connection.name}_"): {
                step.name.removeprefix(f"{connection.name}__")
                for step in repository.get_job(job).nodes
            }
            for job in repository.job_names
            if job.startswith(f"{connection.name}_")
        }
        checks = {"current_state_checks"}
        assert steps["refresh"] == (there | checks) - {"column_batches"}
        if connection.options.fan_out == "runs":
            assert steps.pop("refresh") | steps.get("batch", set()) == there | checks
            assert set().union(*steps.values()) == there | checks
