"""The instance settings in docs/scaling.md have the shape that Dagster and launchers ask for."""

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._config import resolve_to_config_type, validate_config
from dagster._core.errors import DagsterInvalidConfigError
from dagster._core.instance.config import dagster_instance_config

from tests.fan_out.farm import documented

PLACES = ("dagster.yaml of the daemon", "dagster.yaml on Kubernetes", "dagster.yaml on ECS")


def launcher_errors(settings: dict[str, Any]) -> list[Any]:
    """What the launcher's own schema says against its settings."""
    given = settings["run_launcher"]
    launcher = getattr(importlib.import_module(given["module"]), given["class"])
    found = validate_config(resolve_to_config_type(launcher.config_type()), given["config"])
    return list(found.errors or [])


@pytest.mark.parametrize("place", PLACES)
def test_settings_are_what_the_schemas_ask_for(place: str, tmp_path: Path) -> None:
    settings = yaml.safe_load(documented(place))
    (tmp_path / "dagster.yaml").write_text(documented(place))

    dagster_instance_config(str(tmp_path))
    assert launcher_errors(settings) == []


@pytest.mark.parametrize("place", PLACES)
def test_a_slip_would_be_seen(place: str, tmp_path: Path) -> None:
    settings = yaml.safe_load(documented(place))
    settings["run_launcher"]["config"]["brokerr"] = "x"
    assert launcher_errors(settings) != []
    settings["run_monitoring"]["enable"] = True
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(settings))
    with pytest.raises(DagsterInvalidConfigError):
        dagster_instance_config(str(tmp_path))
