"""Which Dagster instance is used where."""

from pathlib import Path

import yaml

from incremental_assets.instance.home import Home, locate_home, open_instance, prepare_home

PROJECT = Path(__file__).parents[3]


def test_dagster_home_wins(tmp_path: Path) -> None:
    home = locate_home({"DAGSTER_HOME": str(tmp_path / "given")}, PROJECT)

    assert home == Home(tmp_path / "given", None)


def test_a_directory_below_the_project_uses_the_projects_instance() -> None:
    assert locate_home({}, PROJECT / "tests" / "unit") == Home(PROJECT / ".dagster_home", PROJECT)


def test_somebody_elses_dagster_yaml_is_not_taken_for_ours(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")

    assert locate_home({}, tmp_path) == Home(tmp_path / ".dagster_home", None)


def test_a_home_is_no_project_for_what_is_below_it(tmp_path: Path) -> None:
    prepare_home(Home(tmp_path, None))
    below = tmp_path / "demo"

    assert locate_home({}, tmp_path) == Home(tmp_path / ".dagster_home", None)
    assert locate_home({}, below) == Home(below / ".dagster_home", None)


def test_settings_that_are_no_file_or_no_text_are_nobodys_project(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_bytes(b"\xff")
    below = tmp_path / "below"
    (below / "dagster.yaml").mkdir(parents=True)

    assert locate_home({}, below) == Home(below / ".dagster_home", None)


def test_a_new_home_is_created_with_our_settings(tmp_path: Path) -> None:
    with open_instance(Home(tmp_path / "home", None)) as instance:
        assert instance.get_settings("concurrency")["pools"]["default_limit"] == 1
        assert not instance.telemetry_enabled


def test_settings_that_are_there_are_never_changed(tmp_path: Path) -> None:
    theirs = "telemetry: {enabled: false}\n"
    (tmp_path / "dagster.yaml").write_text(theirs)

    prepare_home(Home(tmp_path, None))

    assert (tmp_path / "dagster.yaml").read_text() == theirs


def test_the_projects_instance_is_the_same_from_any_directory(tmp_path: Path, monkeypatch) -> None:
    settings = yaml.safe_load((PROJECT / "dagster.yaml").read_text())
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(settings))
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")

    with open_instance(locate_home({}, Path.cwd())):
        pass

    assert (tmp_path / ".dagster_home" / "storage").is_dir()
    assert list((tmp_path / "below").iterdir()) == []
