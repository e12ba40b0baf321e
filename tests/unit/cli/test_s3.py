"""The whole product with its state on S3, and what others can read there."""

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.dataset
import pyarrow.fs
import pytest
from click.testing import CliRunner, Result

from incremental_assets.cli.app import main
from tests.s3_server import ACCESS_KEY, AT_ONCE, REGION, SECRET_KEY, S3Server, client, started
from tests.states import s3_server


@pytest.fixture
def server() -> S3Server:
    return s3_server()


@pytest.fixture
def bucket(server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A configured SQLite source whose state is to be in a new bucket."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("INCREMENTAL_ASSETS_CONFIG", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("SECRET", SECRET_KEY)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    alter("create table orders (id integer primary key)", "create table items (id integer)")
    bucket = server.bucket()
    configure(server.endpoint, bucket)
    return bucket


def configure(endpoint: str, bucket: str) -> None:
    Path("connections.yaml").write_text(
        f"state: s3://{bucket}/some/catalog\n"
        f"s3: {{endpoint_url: '{endpoint}', region: {REGION}, "
        "access_key_id: '${AWS_ACCESS_KEY_ID}', secret_access_key: '${SECRET}'}\n"
        "connections: [{name: shop, url: 'sqlite:///./shop.db'}]\n"
    )


def alter(*statements: str) -> None:
    with closing(sqlite3.connect("shop.db")) as connection:
        for statement in statements:
            connection.execute(statement)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def refreshed() -> dict[str, object]:
    result = run("refresh", "--json")
    assert result.exit_code == 0, result.output
    (shop,) = json.loads(result.stdout)["connections"]
    return shop


def test_a_state_on_s3_from_the_first_refresh_to_the_diff(
    server: S3Server, bucket: str, tmp_path: Path
) -> None:
    assert run("check").exit_code == 0

    first = refreshed()
    with server.watched() as seen:
        same = refreshed()
    alter("alter table orders add column note text", "create table notes (id integer)")
    second = refreshed()

    assert (first["version"], same["version"], second["version"]) == (1, 1, 2)
    assert (same["changed"], second["changed"]) == (False, True)
    status = json.loads(run("status", "--json").stdout)["connections"][0]
    assert (status["version"], status["counts"]["tables"]) == (2, 3)
    assert "note" in run("diff", "shop").output
    assert sorted(at.name for at in tmp_path.iterdir()) == ["connections.yaml", "home", "shop.db"]
    assert_frugal(seen)
    assert_readable(server, bucket)


def assert_frugal(seen: list[str]) -> None:
    """Without a change: a bounded number of requests, and listings only of what must be listed."""
    prefixes = re.findall(r"list-type=2&prefix=some%2Fcatalog%2F(\S*?)%2F(?:&|$)", "\n".join(seen))
    listed = {prefix.partition("%2F")[0] if "_checks" in prefix else prefix for prefix in prefixes}

    assert sum("list-type" in line for line in seen) == len(prefixes) <= 8
    assert listed == {"_checks", "shop%2Fversions", "shop%2Fextractions", "shop%2Fsinks"}
    assert len(seen) <= 80, (len(seen), seen)


def assert_readable(server: S3Server, bucket: str) -> None:
    """HEAD names the manifest, the manifest the files; Polars and DuckDB read those."""
    root = "some/catalog/shop"
    s3 = client(server.endpoint)

    def document(path: str) -> dict[str, object]:
        return json.loads(s3.get_object(Bucket=bucket, Key=f"{root}/{path}")["Body"].read())

    manifest = document("HEAD")["manifest"]
    folder = f"{bucket}/{root}/{manifest.rpartition('/')[0]}"
    files = [
        f"{folder}/{one['path']}"
        for one in document(manifest)["files"]
        if one["entity"] == "columns"
    ]
    options = {
        "aws_endpoint_url": server.endpoint,
        "aws_region": REGION,
        "aws_access_key_id": ACCESS_KEY,
        "aws_secret_access_key": SECRET_KEY,
        "aws_allow_http": "true",
    }
    polars = pl.concat(
        [pl.scan_parquet(f"s3://{file}", storage_options=options) for file in files]
    ).collect()
    # DuckDB's own httpfs is an extension that has to be downloaded; Arrow's S3 is built in.
    arrow = pyarrow.fs.S3FileSystem(
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        region=REGION,
        endpoint_override=server.endpoint,
    )
    columns = pyarrow.dataset.dataset(files, filesystem=arrow)
    with duckdb.connect() as duck:
        duck.register("columns_on_s3", columns)
        found = duck.sql('select "table", "column" from columns_on_s3 order by all').fetchall()

    assert found == [("items", "id"), ("notes", "id"), ("orders", "id"), ("orders", "note")]
    assert sorted(polars.select("table", "column").rows()) == found


def test_a_store_that_is_away_is_told_in_one_message(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("incremental_resources.state_store.s3.Retries", lambda: AT_ONCE)
    with started() as away:
        configure(away.endpoint, bucket)

    for command in ("check", "status"):
        result = run(command)
        assert result.exit_code == 1
        assert "nothing answers at its address" in " ".join(result.output.split())
        assert SECRET_KEY not in result.output
        assert "Traceback" not in result.output


@pytest.fixture
def rclone(tmp_path: Path) -> Iterator[str]:
    """The address of ``rclone serve s3``, which overwrites whatever the condition."""
    folder = tmp_path / "rclone" / "bucket"
    folder.mkdir(parents=True)
    program = Path(sys.executable).with_name("rclone")
    key = f"{ACCESS_KEY},{SECRET_KEY}"
    serving = subprocess.Popen(
        [program, "serve", "s3", folder.parent, "--addr", "127.0.0.1:0", "--auth-key", key],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        lines = iter(serving.stderr.readline, "")
        found = (re.search(r"http://127\.0\.0\.1:\d+", line) for line in lines)
        yield next(address[0] for address in found if address)
    finally:
        serving.terminate()
        serving.communicate()


@pytest.mark.usefixtures("bucket")
def test_a_store_that_ignores_conditions_is_refused_before_anything(
    rclone: str, tmp_path: Path
) -> None:
    configure(rclone, "bucket")

    for command in ("check", "refresh"):
        result = run(command)
        assert result.exit_code == 1
        told = " ".join(result.output.split())
        assert "ignores conditional writes: it let us create an object twice" in told

    assert [at for at in (tmp_path / "rclone").rglob("*") if at.is_file()] == []


def test_a_local_state_loads_nothing_of_aws() -> None:
    program = (
        "import sys; import incremental_assets.cli.running, incremental_assets.cli.checking\n"
        "print([n for n in ('boto3', 'botocore', 'dagster_aws') if n in sys.modules])"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert told.stdout == "[]\n", told.stderr
