"""The asset graph as a golden file: keys, dependencies, groups, checks, jobs."""

from pathlib import Path

import dagster as dg

from incremental_assets.build import build_definitions
from incremental_assets.config.loading import demo_config, load_config

GOLDEN = Path(__file__).parent / "graph.txt"


def rendered(definitions: dg.Definitions) -> str:
    graph = definitions.resolve_asset_graph()
    lines = []
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        partitions = f" [{node.partitions_def.name}]" if node.partitions_def else ""
        lines.append(f"{key.to_user_string()} ({node.group_name}){partitions}")
        lines += [f"  <- {parent.to_user_string()}" for parent in sorted(node.parent_keys)]
        lines += [f"  check {check.name}" for check in sorted(node.check_keys, key=str)]
    for job in sorted(definitions.jobs or [], key=lambda job: job.name):
        steps = definitions.resolve_job_def(job.name).nodes_in_topological_order
        lines.append(f"job {job.name}: {', '.join(sorted(step.name for step in steps))}")
    lines += [f"schedule {one.name} {one.cron_schedule}" for one in definitions.schedules or []]
    lines += [
        f"sensor {one.name} {one.minimum_interval_seconds} s" for one in definitions.sensors or []
    ]
    return "\n".join(lines) + "\n"


def test_what_a_group_page_materializes_has_no_partitions_and_waits_for_nothing(
    tmp_path: Path,
) -> None:
    """The UI asks for a partition where a selected asset has them, and warns of upstream assets
    outside the selection that could be materialized and never were."""
    graph = build_definitions(demo_config(tmp_path)).resolve_asset_graph()
    chosen = {key for key in graph.executable_asset_keys if graph.get(key).group_name == "demo"}
    assert dg.AssetKey(["demo", "marker"]) in chosen
    assert all(graph.get(key).partitions_def is None for key in chosen)
    outside = {parent for key in chosen for parent in graph.get(key).parent_keys} - chosen
    assert not any(graph.get(key).is_materializable for key in outside)


def test_the_graph_of_a_connection_is_as_agreed(tmp_path: Path) -> None:
    assert rendered(build_definitions(demo_config(tmp_path))) == GOLDEN.read_text()


def test_a_connection_without_procedures_has_no_such_asset(tmp_path: Path) -> None:
    (tmp_path / "connections.yaml").write_text(
        "connections: [{name: files, url: 'sqlite:///./some.db'}]"
    )
    definitions = build_definitions(load_config(tmp_path / "connections.yaml"))

    keys = definitions.resolve_asset_graph().get_all_asset_keys()

    assert dg.AssetKey(["files", "columns"]) in keys
    assert dg.AssetKey(["files", "procedures"]) not in keys


def test_the_definitions_load_without_a_warning_or_a_server(tmp_path: Path) -> None:
    dg.Definitions.validate_loadable(build_definitions(demo_config(tmp_path)))

    assert not (tmp_path / "pgdata").exists()


def test_every_asset_says_what_it_is_whose_it_is_and_where_its_code_is(tmp_path: Path) -> None:
    (tmp_path / "connections.yaml").write_text(
        "connections: [{name: files, url: 'sqlite:///./some.db', owners: ['team:data']}]"
    )
    definitions = build_definitions(load_config(tmp_path / "connections.yaml"))

    for spec in definitions.resolve_all_asset_specs():
        (code,) = spec.metadata["dagster/code_references"].code_references
        lines = Path(code.file_path).read_text().splitlines()
        below = "\n".join(lines[code.line_number - 1 :][:12])
        functions = (spec.key.path[-1], "listing", "read_batch")
        assert any(f"def {function}(" in below for function in functions)
        assert spec.description
        assert spec.owners == ["team:data"]
        assert spec.kinds == {"sqlite", "parquet"}
        assert spec.tags["incremental/connection"] == "files"


def test_a_job_has_only_its_own_connection_s_assets(tmp_path: Path) -> None:
    (tmp_path / "connections.yaml").write_text(
        "connections: [{name: files, url: 'sqlite:///./some.db'},"
        " {name: files_batches, url: 'sqlite:///./some.db'}]"
    )
    definitions = build_definitions(load_config(tmp_path / "connections.yaml"))

    job = definitions.resolve_job_def("files_batches_refresh")

    assert {key.path[0] for key in job.asset_layer.executable_asset_keys} == {"files_batches"}


def test_what_one_click_refreshes_needs_no_partition_and_nothing_before_it(
    tmp_path: Path,
) -> None:
    definitions = build_definitions(demo_config(tmp_path))
    graph = definitions.resolve_asset_graph()
    group = {key for key in graph.get_all_asset_keys() if graph.get(key).group_name == "demo"}
    clicked = {key for key in group if graph.get(key).is_executable}

    assert clicked == definitions.resolve_job_def("demo_refresh").asset_layer.executable_asset_keys
    assert not [key for key in clicked if graph.get(key).partitions_def]
    outside = {parent for key in clicked for parent in graph.get(key).parent_keys} - clicked
    assert not [key for key in outside if graph.get(key).is_materializable]
    batches = graph.get(dg.AssetKey(["demo", "column_batches"]))
    assert batches.is_executable
    assert batches.partitions_def


def test_batches_in_runs_of_their_own_are_three_jobs_and_a_sensor_more(tmp_path: Path) -> None:
    file = "connections: [{{name: files, url: 'sqlite:///./some.db', options: {{fan_out: {}}}}}]"
    found = {}
    for how in ("in_run", "runs"):
        (tmp_path / "connections.yaml").write_text(file.format(how))
        lines = rendered(build_definitions(load_config(tmp_path / "connections.yaml")))
        found[how] = lines.splitlines()

    assert set(found["in_run"]) <= set(found["runs"])
    assert [line for line in found["runs"] if line not in found["in_run"]] == [
        "job files_apply: files__columns, files__current_state, files__current_state_checks, "
        "files__incremental_diff, files__marker, files__publish",
        "job files_batch: files__column_batches",
        "job files_plan: files__column_plan, files__databases, files__extraction, "
        "files__schemas, files__tables",
        "sensor files_fan_out_sensor 5 s",
    ]
