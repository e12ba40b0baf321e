"""The S3 store's own affairs: requests that fail or get lost over real HTTP, parts, counts."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from incremental_resources.state_store import s3_bucket, s3_multipart
from incremental_resources.state_store.errors import (
    ObjectExists,
    ObjectMissing,
    StateConflict,
    StoreUnavailable,
    SwapRefused,
)
from incremental_resources.state_store.resource import open_s3
from incremental_resources.state_store.s3 import S3Objects
from incremental_resources.state_store.scratch import owner
from incremental_resources.state_store.store import StateStore
from tests.s3_server import (
    ACCESS_KEY,
    AT_ONCE,
    SECRET_KEY,
    Act,
    S3Server,
    client,
    done_but_failing,
    done_but_unanswered,
    dropped,
    refused,
    s3_objects,
    started,
)
from tests.states import head_at, listed, opened, refresh, staged, tables

SLOW = refused("503 Slow Down", "SlowDown")
FAILING = {
    "throttled": SLOW,
    "failing": refused("500 Internal Server Error", "InternalError"),
    "unavailable": refused("503 Service Unavailable", "ServiceUnavailable"),
    "too many": refused("429 Too Many Requests", "TooManyRequests"),
    "dropped": dropped,
}
FOR_EVER = {
    "denied": (refused("403 Forbidden", "AccessDenied"), "s3:ListBucket"),
    "wrong key": (refused("403 Forbidden", "InvalidAccessKeyId"), "AWS_ACCESS_KEY_ID"),
    "expired": (refused("400 Bad Request", "ExpiredToken"), "have expired"),
    "wrong region": (refused("400 Bad Request", "AuthorizationHeaderMalformed"), "region"),
    "lacking": (refused("501 Not Implemented", "NotImplemented"), "choose another place"),
}


@pytest.fixture(scope="module")
def shared() -> Iterator[S3Server]:
    with started() as running:
        yield running


@pytest.fixture
def server(shared: S3Server) -> Iterator[S3Server]:
    yield shared
    shared.faults.clear()


@pytest.fixture
def objects(server: S3Server) -> S3Objects:
    return s3_objects(server.endpoint, server.bucket(), "state")


def parquet(objects: S3Objects, path: str, *names: str) -> None:
    file = objects.scratch() / path.replace("/", "-")
    tables(*names).write_parquet(file)
    objects.create_file(path, file)


def uploads(objects: S3Objects, server: S3Server) -> list[object]:
    bucket = objects.uri.split("/")[2]
    return client(server.endpoint).list_multipart_uploads(Bucket=bucket).get("Uploads", [])


@pytest.mark.parametrize("act", FAILING.values(), ids=FAILING)
def test_what_passes_is_repeated_and_then_succeeds(objects, server, act: Act):
    objects.create("a", b"1")
    for pattern, ask in (
        ("^GET .*/a", lambda: objects.read("a").data == b"1"),
        ("^HEAD .*/a", lambda: objects.exists("a")),
        ("^GET .*list-type", lambda: objects.list("") == ["a"]),
        ("^GET .*/a", lambda: objects.digest("a").bytes == 1),
        ("^PUT .*/b", lambda: objects.create("b", b"2") is None),
        ("^POST .*delete", lambda: objects.delete("b") is None),
    ):
        fault = server.fail(pattern, act, times=2)
        assert ask()
        assert fault.met == 3
        server.faults.clear()
    assert objects.list("") == ["a"]


@pytest.mark.parametrize("act", FAILING.values(), ids=FAILING)
def test_what_does_not_pass_ends_after_a_few_attempts(objects, server, act: Act):
    objects.create("a", b"1")
    fault = server.fail("state", act)
    for ask in (
        lambda: objects.read("a"),
        lambda: objects.exists("a"),
        lambda: objects.create("b", b""),
        lambda: objects.swap("a", b"2", "x"),
        lambda: objects.list(""),
        lambda: objects.copy("a", "b"),
    ):
        fault.met = 0
        with pytest.raises(StoreUnavailable, match=r"state.*after 6 attempts.*again") as caught:
            ask()
        assert caught.value.transient
        assert fault.met == AT_ONCE.attempts


@pytest.mark.parametrize(("act", "remedy"), FOR_EVER.values(), ids=FOR_EVER)
def test_what_repeating_cannot_mend_is_asked_once(objects, server, act: Act, remedy: str):
    objects.create("HEAD", b"1")
    fault = server.fail("/HEAD", act)
    for ask in (
        lambda: objects.read("HEAD"),
        lambda: objects.swap("HEAD", b"2", "x"),
        lambda: objects.digest("HEAD"),
        StateStore(objects, "shop").head,
    ):
        fault.met = 0
        with pytest.raises(StoreUnavailable, match=remedy) as caught:
            ask()
        assert not caught.value.transient
        assert fault.met == 1


def test_a_silent_server_ends_in_a_timeout(server):
    objects = s3_objects(server.endpoint, server.bucket(), read_timeout=0.2)
    fault = server.fail("^GET .*/a", lambda request: (server.released.wait(), request.cut())[1])
    with pytest.raises(StoreUnavailable, match="did not answer in time after 6") as caught:
        objects.read("a")
    assert caught.value.transient
    assert fault.met == AT_ONCE.attempts


def test_a_missing_bucket_is_not_an_empty_state(server):
    objects = s3_objects(server.endpoint, "bucket-that-is-not-there", "state")
    for ask in (
        StateStore(objects, "shop").head,
        StateStore(objects, "shop").extractions,
        lambda: objects.exists("a"),
        lambda: objects.create("a", b""),
        lambda: objects.swap("a", b"", None),
        lambda: objects.copy("a", "b"),
        lambda: objects.delete("a"),
        lambda: objects.scan("a"),
        objects.check,
    ):
        with pytest.raises(StoreUnavailable, match="create") as caught:
            ask()
        assert not caught.value.transient


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
def test_a_server_that_is_no_s3_is_not_an_empty_state(objects, server, status):
    server.fail("", refused(status, ""))
    for ask in (StateStore(objects, "shop").head, lambda: objects.exists("a")):
        with pytest.raises(StoreUnavailable):
            ask()


def test_nobody_at_the_address_is_told_without_it():
    objects = s3_objects("http://127.0.0.1:9", "bucket", connect_timeout=1)
    with pytest.raises(StoreUnavailable, match="nothing answers at its address") as caught:
        objects.read("a")
    assert caught.value.transient


@pytest.mark.parametrize("act", [done_but_unanswered, done_but_failing])
def test_a_write_whose_answer_was_lost_is_known_as_ones_own(objects, server, act: Act):
    server.fail("^PUT .*/[abc]$", act, times=1)
    objects.create("a", b"1")
    server.faults.clear()
    server.fail("^PUT .*/b$", act, times=1)
    tag = objects.swap("b", b"1", None)
    assert objects.read("b").tag == tag
    server.faults.clear()
    server.fail("^PUT .*/b$", act, times=1)
    assert objects.swap("b", b"2", tag) == objects.read("b").tag
    assert (objects.read("a").data, objects.read("b").data) == (b"1", b"2")


def test_another_ones_object_is_never_taken_for_ones_own(objects, server):
    objects.create("a", b"1")
    tag = objects.read("a").tag
    server.fail("^PUT .*/a$", dropped, times=1)
    with pytest.raises(ObjectExists):
        objects.create("a", b"1")
    server.fail("^PUT .*/a$", dropped, times=1)
    with pytest.raises(SwapRefused):
        objects.swap("a", b"1", f'"{"0" * 32}"')
    assert objects.read("a").tag == tag


def test_a_commit_whose_answer_was_lost_is_found_out(objects, server):
    store = StateStore(objects, "shop")
    server.fail("^PUT .*/HEAD", done_but_unanswered)
    ref = refresh(store, "e1", "a")
    assert (ref, ref.head.revision) == (store.head(), 1)
    server.faults.clear()
    server.fail("^PUT .*/HEAD", dropped)
    with pytest.raises(StoreUnavailable, match="HEAD"):
        refresh(store, "e2", "b")
    server.faults.clear()
    assert store.head() == ref
    base, extraction = store.head(), opened(store, "e3", ref)
    version = staged(store, extraction, tables("c"), store.current())
    refresh(store, "e4", "d")
    with pytest.raises(StateConflict):
        store.move_head(head_at(version, "e3"), base)
    assert listed(store.current()) == ["d"]


def test_a_conflict_is_decided_by_asking_again(objects, server):
    fault = server.fail("^PUT .*/a", refused("409 Conflict", "ConditionalRequestConflict"), times=1)
    objects.create("a", b"1")
    assert fault.met == 2
    fault = server.fail("^PUT .*/b", refused("409 Conflict", "ConditionalRequestConflict"))
    with pytest.raises(StoreUnavailable) as caught:
        objects.create("b", b"1")
    assert (caught.value.transient, fault.met) == (True, AT_ONCE.attempts)


@pytest.fixture
def large(objects: S3Objects, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of two parts."""
    size = 5 * 1024 * 1024
    monkeypatch.setattr(s3_multipart, "PART_BYTES", size)
    file = objects.scratch() / "large"
    file.write_bytes(b"0123456789abcdef" * (size // 16) + b"the second part")
    return file


@pytest.mark.parametrize(
    ("pattern", "act"),
    [
        ("nothing", SLOW),
        ("PUT .*partNumber=2", SLOW),
        ("PUT .*partNumber=2", done_but_unanswered),
        ("POST .*uploadId", done_but_unanswered),
        ("POST .*uploadId", refused("409 Conflict", "ConditionalRequestConflict")),
    ],
)
def test_a_large_file_goes_in_parts(objects, server, large, pattern, act):
    content = large.read_bytes()
    server.fail(pattern, act, times=1)
    with server.watched() as seen:
        objects.create_file("large", large)
    assert {re.search(r"partNumber=(\d)", line)[1] for line in seen if "partN" in line} == {
        "1",
        "2",
    }
    assert objects.read("large").data == content
    assert not large.exists()
    assert uploads(objects, server) == []


@pytest.mark.parametrize("pattern", ["partNumber=2", "POST .*uploadId"])
@pytest.mark.parametrize("act", [SLOW, refused("403 Forbidden", "AccessDenied")])
def test_an_upload_that_fails_leaves_nothing(objects, server, large, pattern, act):
    server.fail(pattern, act)
    with pytest.raises(StoreUnavailable):
        objects.create_file("large", large)
    assert (large.exists(), objects.list(""), uploads(objects, server)) == (True, [], [])


def test_a_large_file_never_replaces(objects, server, large):
    objects.create("large", b"first")
    with pytest.raises(ObjectExists):
        objects.create_file("large", large)
    assert objects.read("large").data == b"first"
    assert (large.exists(), uploads(objects, server)) == (True, [])


def test_a_copy_stays_on_the_server_and_may_be_lost_and_repeated(objects, server, monkeypatch):
    monkeypatch.setattr(s3_multipart, "COPIED_BYTES", 5 * 1024 * 1024)
    content = b"x" * (5 * 1024 * 1024) + b"y"
    objects.create("a", content)
    objects.create("empty", b"")
    server.fail("POST .*uploadId", done_but_unanswered, times=1)
    with server.watched() as seen:
        objects.copy("a", "b")
        objects.copy("empty", "c")
    assert not [line for line in seen if line.startswith("GET")]
    assert (objects.read("b").data, objects.read("c").data) == (content, b"")
    assert uploads(objects, server) == []


def test_many_objects_are_listed_and_deleted_in_pages(objects, server, monkeypatch):
    monkeypatch.setattr(s3_bucket, "KEYS_PER_DELETE", 2)
    paths = [f"shop/{number}" for number in range(5)]
    for path in [*paths, "shopping"]:
        objects.create(path, b"")
    pages = objects._bucket.client
    original = pages.list_objects_v2
    monkeypatch.setattr(
        pages, "list_objects_v2", lambda **asked: original(**asked, MaxKeys=2), raising=False
    )
    assert objects.list("shop") == paths
    with server.watched() as seen:
        objects.delete("shop")
    assert sum(line.startswith("POST") for line in seen) == 3
    assert objects.list("") == ["shopping"]


def test_a_scan_fails_as_everything_else_does(objects, server):
    parquet(objects, "a", "x", "y")
    parquet(objects, "b", "z")
    frame = objects.scan("a")
    for act, transient in ((SLOW, True), (dropped, True), (FOR_EVER["denied"][0], False)):
        server.fail("^GET", act)
        for read in (frame.collect, lambda: pl.concat([frame, frame]).collect()):
            with pytest.raises(StoreUnavailable) as caught:
                read()
            assert caught.value.transient is transient
        with pytest.raises(StoreUnavailable):
            objects.scan("b")
        server.faults.clear()
    assert frame.filter(pl.col("table") > "x").collect()["table"].to_list() == ["y"]
    objects.delete("a")
    with pytest.raises(ObjectMissing, match="a does not exist"):
        frame.collect()


def test_no_secret_is_in_a_message(server):
    objects = s3_objects(server.endpoint, "no-such-bucket", "state")
    told = [repr(objects), objects.uri]
    for code in ("AccessDenied", "SignatureDoesNotMatch", "SlowDown", "Odd"):
        server.faults.clear()
        server.fail("", refused("403 Forbidden", code))
        for ask in (lambda: objects.read("a"), lambda: objects.scan("a"), objects.check):
            with pytest.raises(StoreUnavailable) as caught:
                ask()
            told.append(str(caught.value))
    assert objects.uri == "s3://no-such-bucket/state"
    for secret in (ACCESS_KEY, SECRET_KEY, "X-Amz", "Signature="):
        assert [text for text in told if secret in text] == []


def test_a_known_key_is_never_listed(objects, server):
    store = StateStore(objects, "shop")
    refresh(store, "e1", "a")
    with server.watched() as seen:
        assert listed(store.current()) == ["a"]
        assert store.extraction("e1").read("tables").collect().height == 1
    assert [line for line in seen if "list-type" in line] == []


def test_the_client_that_the_product_makes_tries_once(server, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "4")
    objects = open_s3(f"{server.bucket()}/state", endpoint_url=server.endpoint, region="us-east-1")
    monkeypatch.setattr(objects._bucket, "retries", AT_ONCE)
    fault = server.fail("/HEAD", SLOW)
    with pytest.raises(StoreUnavailable):
        objects.read("HEAD")
    assert fault.met == AT_ONCE.attempts
    server.faults.clear()
    parquet(objects, "a", "x")
    assert objects.scan("a").collect().height == 1


def test_a_profile_that_is_not_there_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(StoreUnavailable, match="profile does not exist") as caught:
        open_s3("bucket/state", profile="nobody")
    assert not caught.value.transient


def test_the_files_of_a_killed_process_go_with_the_next_one(objects, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    killed = objects.scratch().with_name(owner(os.getpid()).rpartition("-")[0] + "-1")
    killed.mkdir()
    (killed / "half").write_bytes(b"")
    objects.scratch().rmdir()

    mine = objects.scratch()

    assert list(mine.parent.iterdir()) == [mine]
    assert mine.parent.stat().st_mode & 0o777 == 0o700


def test_a_store_opens_in_any_process_and_can_be_watched(objects, server):
    bucket = objects.uri.split("/")[2]
    program = (
        "from tests.s3_server import s3_objects\n"
        "from tests.watched import Watched\n"
        "def around(operation):\n"
        "    print(operation.number, operation.what)\n"
        "    return operation.do()\n"
        f"objects = s3_objects({server.endpoint!r}, {bucket!r}, 'state')\n"
        "Watched(objects, around).create('a', b'1')"
    )
    told = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout == "1 create a\n"
    assert objects.read("a").data == b"1"
