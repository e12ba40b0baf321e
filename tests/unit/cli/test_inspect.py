"""``status``, ``history`` and ``diff`` on states that were never near a database."""

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.utils import make_new_run_id

from incremental_assets.cli.commands.inspect import Duration
from incremental_assets.cli.last_runs import existing_instance
from incremental_assets.cli.printing import changes
from incremental_assets.cli.printing.changes import parts_of
from incremental_assets.core.change import Comparison
from incremental_assets.core.diff import diff
from incremental_assets.core.diff_lines import line_of, object_name
from incremental_assets.core.entities import ENTITIES
from incremental_assets.core.names import escaped, named, path_of
from incremental_assets.core.scope import Scope
from incremental_assets.instance.claims import process_tags
from incremental_assets.instance.home import Home, open_instance
from incremental_assets.naming import CONNECTION_TAG
from incremental_assets.steps.failures import failure
from incremental_assets.steps.stored import diff_frame
from incremental_resources.source.errors import AccessDenied
from tests.shop_versions import DIFF, EVIL, FIRST, SECOND, SECOND_CHANGES, Run, Shop
from tests.states import MARKER

DANGEROUS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")


def test_status_of_a_connection_that_was_never_refreshed(shop: Shop, run: Run) -> None:
    before = sorted(shop.directory.rglob("*"))
    result = run("status", "shop", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "connections": [
            {
                "name": "shop",
                "version": None,
                "marker": None,
                "age_seconds": None,
                "counts": {},
                "last_change": None,
                "running": None,
                "last_error": None,
                "watch": [],
                "sinks": [],
            }
        ]
    }
    assert "never refreshed" in run("status").stdout
    assert sorted(shop.directory.rglob("*")) == before


@pytest.mark.parametrize(
    "command",
    [
        ("status", "shop"),
        ("history", "shop"),
        ("diff", "shop"),
        ("export", "shop", "--entity", "tables", "--format", "csv", "--output", "-"),
        ("prune", "shop", "--dry-run"),
    ],
)
@pytest.mark.parametrize("address", ["url: 'postgresql://u:${NOWHERE_SET}@h/x'", "url_file: gone"])
def test_what_reads_only_state_needs_no_address(
    refreshed: Shop, run: Run, address: str, command: tuple[str, ...]
) -> None:
    entities = "entities: [databases, schemas, tables]"
    (refreshed.directory / "connections.yaml").write_text(
        f"connections:\n- name: shop\n  {address}\n- name: other\n  {address}\n  {entities}\n"
    )
    assert run(*command).exit_code == 0
    refused = run("refresh", "shop")
    assert refused.exit_code == 1
    assert "connections[1]" in refused.stderr


def test_status_tells_version_age_counts_and_the_last_change(refreshed: Shop, run: Run) -> None:
    refreshed.commit(SECOND, {"tables": {}}, at=MARKER + timedelta(hours=2))
    marker = MARKER + timedelta(hours=2)
    youngest = (datetime.now(UTC) - marker).total_seconds()
    shop, other = json.loads(run("status", "--json").stdout)["connections"]
    oldest = (datetime.now(UTC) - marker).total_seconds()
    assert other["name"] == "other"
    assert shop["version"] == 3
    assert shop["marker"] == "2026-01-31T14:00:00.123456Z"
    assert youngest - 1 <= shop["age_seconds"] <= oldest + 1
    assert shop["counts"] == {"databases": 1, "schemas": 1, "tables": 2, "columns": 2}
    assert shop["last_change"] == {
        "version": 2,
        "at": "2026-01-31T13:00:05.123456Z",
        "changes": {"tables": {"CREATED": 1}, "columns": {"CREATED": 1, "UPDATED": 1}},
    }
    text = run("status", "shop").stdout
    assert "version 3, true as of 2026-01-31 14:00:00 UTC" in text
    assert "columns: 1 CREATED, 1 UPDATED" in text


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["shop", "--max-age", "100w"], 3),  # the marker is of the past, see below
        (["shop", "--max-age", "90000w"], 0),
        (["other", "--max-age", "90000w"], 3),  # never refreshed
        (["--max-age", "90000w"], 3),  # any of them
        (["--max-age", "soon"], 2),
        (["shop"], 0),
        (["nothere"], 1),
    ],
)
def test_exit_code_of_status(shop: Shop, run: Run, arguments: list[str], code: int) -> None:
    shop.commit(FIRST, {}, at=MARKER - timedelta(weeks=200))
    assert run("status", *arguments).exit_code == code
    assert run("status", *arguments, "--json").exit_code == code


def test_an_unknown_connection_is_told_with_those_there_are(shop: Shop, run: Run) -> None:
    for command in (["status"], ["history"], ["diff"], ["check"]):
        result = run(*command, "shopp")
        assert result.exit_code == 1
        assert "shop, other" in result.stderr
        assert not result.stdout


def test_status_tells_of_a_source_that_is_down(shop: Shop, run: Run) -> None:
    assert run("refresh", "shop").exit_code == 0
    (shop.directory / "shop.db").rename(shop.directory / "gone.db")
    assert run("refresh", "shop").exit_code == 1
    result = run("status", "shop", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    (status,) = json.loads(result.stdout)["connections"]
    assert (status["version"], status["running"]) == (1, None)
    assert status["last_error"].startswith("SourceUnavailable: ")
    assert run("status", "shop", "--max-age", "1w").exit_code == 0
    assert run("status", "shop", "--max-age", "0").exit_code == 3
    (shop.directory / "gone.db").rename(shop.directory / "shop.db")
    assert run("refresh", "shop").exit_code == 0
    assert standing(run) == (None, None)


def test_status_needs_no_source(refreshed: Shop, run: Run) -> None:
    (refreshed.directory / "connections.yaml").write_text(
        "connections: [{name: shop, url: 'postgresql://nobody@127.0.0.1:1/shop'}]"
    )
    (status,) = json.loads(run("status", "--json").stdout)["connections"]
    assert (status["version"], status["last_error"]) == (2, None)
    assert run("status", "--max-age", "90000w", "--json").exit_code == 0


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("30m", 1800), ("6h", 21_600), ("1.5d", 129_600)]
)
def test_durations(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


def test_a_damaged_state_does_not_hide_the_other_connections(refreshed: Shop, run: Run) -> None:
    (refreshed.directory / "catalog" / "shop" / "HEAD").write_text("{")
    result = run("status", "--json")
    assert result.exit_code == 1
    shop, other = json.loads(result.stdout)["connections"]
    assert "StateCorrupt" in shop["last_error"]
    assert other["last_error"] is None


@pytest.fixture
def instance(shop: Shop) -> Iterator[dg.DagsterInstance]:
    with open_instance(Home(shop.directory / "home", None)) as instance:
        yield instance


def job_that_fails(error: Exception) -> dg.JobDefinition:
    @dg.op
    def listing() -> None:
        raise failure(error) from error

    @dg.job(name="shop_refresh", tags={CONNECTION_TAG: "shop"})
    def job() -> None:
        listing()

    return job


def standing(run: Run) -> tuple[str | None, str | None]:
    (status,) = json.loads(run("status", "shop", "--json").stdout)["connections"]
    return status["running"], status["last_error"]


def test_status_tells_the_last_error_until_the_head_moves(
    shop: Shop, instance: dg.DagsterInstance, run: Run
) -> None:
    shop.commit(FIRST, {})
    job = job_that_fails(AccessDenied("role crawler lacks USAGE on schema sales"))
    job.execute_in_process(instance=instance, raise_on_error=False)
    assert standing(run) == (None, "AccessDenied: role crawler lacks USAGE on schema sales")
    shop.commit(FIRST, {}, at=datetime.now(UTC) + timedelta(seconds=5))
    assert standing(run) == (None, None)


def test_a_refused_check_names_the_error_that_it_stands_for(
    shop: Shop, instance: dg.DagsterInstance, run: Run
) -> None:
    spec = dg.AssetCheckSpec("deletions_plausible", asset="state", blocking=True)

    @dg.asset(check_specs=[spec])
    def state() -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        yield dg.MaterializeResult()
        yield dg.AssetCheckResult(passed=False, description="9 of 10 tables are gone")

    @dg.asset(deps=[state])
    def marker() -> None:
        """Not reached."""

    job = dg.define_asset_job("shop_refresh", executor_def=dg.in_process_executor)
    job = dg.Definitions([state, marker], jobs=[job]).resolve_job_def("shop_refresh")
    job.execute_in_process(instance=instance, raise_on_error=False)
    assert standing(run) == (None, "DeletionsSuspicious: 9 of 10 tables are gone")


def test_an_instance_below_a_project_is_found(shop: Shop) -> None:
    home = Home(shop.directory / ".dagster_home", shop.directory)
    settings = "run_retries: {enabled: true}"
    (shop.directory / "dagster.yaml").write_text(settings)
    with existing_instance(home) as found:
        assert found is None
    assert not home.directory.exists()
    with open_instance(home), existing_instance(home) as found:
        assert found is not None


def add_run(instance: dg.DagsterInstance) -> str:
    """A run that this process has begun."""
    run_id, status = make_new_run_id(), dg.DagsterRunStatus.STARTED
    tags = {CONNECTION_TAG: "shop", **process_tags(run_id)}
    instance.add_run(dg.DagsterRun("shop_refresh", run_id=run_id, status=status, tags=tags))
    return run_id


def test_status_tells_what_runs_and_what_was_killed(
    shop: Shop, instance: dg.DagsterInstance, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive = add_run(instance)
    assert standing(run) == (alive, None)
    with subprocess.Popen(["sleep", "60"]) as child:
        with monkeypatch.context() as patch:
            patch.setattr("os.getpid", lambda: child.pid)
            killed = add_run(instance)
        child.kill()
    running, error = standing(run)
    assert running == alive
    assert killed in str(error)


def test_history_has_the_newest_version_first(refreshed: Shop, run: Run) -> None:
    result = run("history", "shop", "--json")
    content = json.loads(result.stdout)
    assert content["connection"] == "shop"
    newest, oldest = content["versions"]
    assert (newest["version"], oldest["version"]) == (2, 1)
    assert newest["created_at"] == "2026-01-31T13:00:05.123456Z"
    assert newest["marker"] == "2026-01-31T13:00:00.123456Z"
    assert newest["changes"] == {"tables": {"CREATED": 1}, "columns": {"CREATED": 1, "UPDATED": 1}}
    assert newest["counts"]["columns"] == 2
    assert newest["bytes"] > 1000
    text = run("history", "shop").stdout
    assert text.index("13:00:00") < text.index("12:00:00")
    assert run("history", "other").exit_code == 0


def test_diff_as_rows_has_values_not_json_in_json(refreshed: Shop, run: Run) -> None:
    lines = [
        json.loads(line)
        for line in run("diff", "shop", "--format", "jsonl").stdout.split("\n")[:-1]
    ]
    assert [(line["entity"], line["change"]) for line in lines] == [
        ("tables", "CREATED"),
        ("columns", "CREATED"),
        ("columns", "UPDATED"),
    ]
    assert lines[0]["table"] == EVIL
    assert lines[0]["after"] == {"kind": "TABLE"}
    assert (lines[2]["attribute"], lines[2]["before"]) == ("data_type", "integer")
    whole = json.loads(run("diff", "shop", "--format", "json").stdout)
    assert whole["rows"] == lines
    assert (whole["version"], whole["parent"]) == (2, 1)
    assert whole["changes"] == SECOND_CHANGES


@pytest.mark.parametrize(
    ("version", "limit", "shown", "hidden"),
    [
        ("2", "1", 1, 2),
        ("2", "3", 3, 0),  # exactly all
        ("2", "7", 3, 0),
        ("2", "0", 3, 0),  # no limit
        ("1", "3", 3, 1),  # derived, not stored
    ],
)
def test_a_diff_as_an_object_says_how_many_rows_it_leaves_out(
    refreshed: Shop, run: Run, version: str, limit: str, shown: int, hidden: int
) -> None:
    given = ["diff", "shop", "--version", version, "--format", "json"]
    whole = json.loads(run(*given).stdout)
    limited = json.loads(run(*given, "--limit", limit).stdout)
    assert whole["hidden"] == 0
    assert limited["hidden"] == hidden
    assert limited["rows"] == whole["rows"][:shown]


def test_a_version_without_a_parent_created_everything(refreshed: Shop, run: Run) -> None:
    rows = json.loads(run("diff", "shop", "--version", "1", "--format", "json").stdout)["rows"]
    assert [(row["entity"], row["change"]) for row in rows] == [
        (name, "CREATED") for name in ("databases", "schemas", "tables", "columns")
    ]
    assert rows[2]["after"]["created_at"] == "2026-01-31T12:00:00.123456Z"
    assert rows[3]["after"]["nullable"] is False
    assert "nothing came before it" in run("diff", "shop", "--version", "1").stdout


def test_the_derived_diff_is_the_one_that_core_would_make(refreshed: Shop) -> None:
    version = refreshed.store.find(1)
    nothing = {name: ENTITIES[name].empty() for name in FIRST}
    scope = Scope.from_json(version.manifest.scope)
    for name, expected in diff(nothing, FIRST, Comparison(scope)).items():
        assert diff_frame(version, ENTITIES[name]).collect().equals(expected)


def test_rows_are_read_in_pieces(refreshed: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "ROWS_AT_A_TIME", 1)
    version = refreshed.store.find(2)
    assert len(list(changes.record_texts(parts_of(version), None))) == 3
    assert len(list(changes.record_texts(parts_of(version), 2))) == 2
    assert [part.rows for part in parts_of(version)] == [DIFF["tables"].height, 2]


def test_names_and_values_do_nothing_to_a_terminal(refreshed: Shop, run: Run) -> None:
    for arguments in (["diff", "shop"], ["diff", "shop", "--format", "jsonl"]):
        text = run(*arguments).stdout
        assert not DANGEROUS.search(text)
        assert "\\u001b[2J" in text
        assert "[red]x[/red]" in text
        assert "\\u009b31mbigint" in text
    assert (
        json.loads(run("diff", "shop", "--format", "jsonl").stdout.split("\n")[0])["table"] == EVIL
    )


def test_a_table_says_how_many_rows_it_leaves_out(refreshed: Shop, run: Run) -> None:
    text = run("diff", "shop", "--limit", "1").stdout
    assert "and 1 more rows" in text
    assert "not listed (--whole): 1 that came or went with their table" in text
    assert "and 2 more rows" in run("diff", "shop", "--limit", "1", "--whole").stdout
    assert "columns: 1 CREATED, 1 UPDATED" in text
    assert "more rows" not in run("diff", "shop", "--limit", "0").stdout


def test_a_version_with_other_tokens_only_says_so(refreshed: Shop, run: Run) -> None:
    refreshed.commit(SECOND, {}, at=MARKER + timedelta(hours=2))
    assert "only tokens or statistics differ" in run("diff", "shop").stdout
    assert run("diff", "shop", "--format", "jsonl").stdout == ""
    assert json.loads(run("diff", "shop", "--format", "json").stdout)["rows"] == []


def test_a_version_that_is_not_there(refreshed: Shop, run: Run) -> None:
    result = run("diff", "shop", "--version", "9")
    assert result.exit_code == 1
    assert "1, 2" in result.stderr
    result = run("diff", "other")
    assert result.exit_code == 1
    assert "incremental-assets refresh other" in result.stderr


def test_renames_and_routines_read_well() -> None:
    row = {"change": "RENAMED", "attribute": None, "before": None, "after": None}
    names = {"database": "shop", "schema": "main", "table": "new", "previous_database": "shop"}
    row |= names | {"previous_schema": "main", "previous_table": "old"}
    assert line_of(ENTITIES["tables"], row) == (
        "RENAMED",
        "shop.main.new",
        "was shop.main.old",
    )
    routine = {"database": "d", "schema": "s", "procedure": "add", "kind": "FUNCTION"}
    told = object_name(ENTITIES["procedures"], routine | {"signature": "integer, text"})
    assert told == "d.s.add(integer, text) FUNCTION"


def test_two_names_never_look_alike() -> None:
    assert path_of(["a", "b.c"]) != path_of(["a.b", "c"])
    assert named("Order Lines") == "Order Lines"
    assert len({named(name) for name in ("a", "a ", "a\n", "a\\n", '"a"', "", "a\u200b")}) == 7
    assert (
        json.loads(escaped(json.dumps("\u202e\U000e0001\x9b", ensure_ascii=False)))
        == "\u202e\U000e0001\x9b"
    )
