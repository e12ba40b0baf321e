"""Law 9 in exceptions: what leaves ``resources`` carries no foreign words that may hold a secret.

Dagster records an error with its causes and contexts, and ``--debug`` prints them.
"""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import psycopg
import pytest
from botocore.exceptions import CredentialRetrievalError, EndpointConnectionError

from incremental_resources import errors
from incremental_resources.demo.errors import DemoUnavailable
from incremental_resources.demo.shop import apply_changes, create_shop
from incremental_resources.errors import ResourceError
from incremental_resources.state_store import s3_multipart
from incremental_resources.state_store.errors import StoreUnavailable
from incremental_resources.state_store.resource import open_s3
from incremental_resources.state_store.s3 import S3Objects
from tests.chains import carried
from tests.s3_server import AT_ONCE, Act, Request, S3Server, client, s3_objects, started

TOKEN = "Tq7xDd0session"
REFUSALS = {
    "ExpiredToken": "400 Bad Request",
    "AuthorizationHeaderMalformed": "400 Bad Request",
    "InvalidToken": "403 Forbidden",
    "Unauthorized": "401 Unauthorized",
    "NoSuchKey": "404 Not Found",
    "NoSuchUpload": "404 Not Found",
    "NoSuchBucket": "404 Not Found",
    "OperationAborted": "409 Conflict",
    "ConditionalRequestConflict": "409 Conflict",
    "PreconditionFailed": "412 Precondition Failed",
    "InternalError": "500 Internal Server Error",
    "NotImplemented": "501 Not Implemented",
}


def telling(code: str) -> Act:
    """A refusal that repeats the request's token, as S3's for an expired one does."""

    def answer(request: Request) -> list[bytes]:
        request.environ["wsgi.input"].read(int(request.environ.get("CONTENT_LENGTH") or 0))
        words = f"<Message>no {TOKEN}</Message><Token-0>{TOKEN}</Token-0>"
        body = f"<Error><Code>{code}</Code>{words}</Error>".encode()
        if request.environ["REQUEST_METHOD"] == "HEAD":
            body = b""
        headers = [("Content-Type", "application/xml"), ("x-amz-token", TOKEN)]
        headers.append(("Content-Length", str(len(body))))
        request.start_response(REFUSALS[code], headers)
        return [body]

    return answer


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with started() as running:
        yield running


@pytest.fixture
def objects(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Objects]:
    monkeypatch.setattr(s3_multipart, "FRESH_STARTS", 1)
    yield s3_objects(server.endpoint, server.bucket(), "state")
    server.faults.clear()


def stored(objects: S3Objects, path: str) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(objects.scratch() / "file")
    objects.create_file(path, objects.scratch() / "file")


def asked(objects: S3Objects) -> dict[str, Callable[[], object]]:
    """Every question to a store."""
    stored(objects, "a")
    frame = objects.scan("a")
    file = objects.scratch() / "new"
    file.write_bytes(b"new")
    return {
        "read": lambda: objects.read("a"),
        "exists": lambda: objects.exists("a"),
        "digest": lambda: objects.digest("a"),
        "create": lambda: objects.create("b", b"1"),
        "create_file": lambda: objects.create_file("c", file),
        "copy": lambda: objects.copy("a", "d"),
        "swap": lambda: objects.swap("a", b"2", "tag"),
        "list": lambda: objects.list(""),
        "delete": lambda: objects.delete("a"),
        "scan": lambda: objects.scan("a"),
        "collect": frame.collect,
        "collect rows": frame.select(pl.len()).collect,
        "check": objects.check,
    }


@pytest.mark.parametrize("code", REFUSALS)
@pytest.mark.parametrize("pattern", ["", "^(POST|PUT)", "^GET"])
def test_no_refusal_of_a_store_carries_its_token(
    objects: S3Objects, server: S3Server, code: str, pattern: str
) -> None:
    questions, raised = asked(objects), []
    server.fail(pattern, telling(code))
    for ask in questions.values():
        try:
            ask()
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not tell
            raised.append(error)
    assert raised
    assert {type(error) for error in raised if not isinstance(error, ResourceError)} == set()
    assert [told for told in map(carried, raised) if TOKEN in told] == []


@pytest.mark.parametrize(
    "error",
    [
        CredentialRetrievalError(provider="sso", error_msg=TOKEN),
        EndpointConnectionError(endpoint_url=f"http://x/{TOKEN}"),
    ],
    ids=["refused", "away"],
)
def test_credentials_that_cannot_be_renewed_do_not_tell(
    objects: S3Objects, server: S3Server, error: Exception
) -> None:
    def failing() -> dict[str, str]:
        raise error

    stored(objects, "a")
    bucket = objects.uri.split("/")[2]
    other = S3Objects(
        client(server.endpoint), bucket, "state", credentials=failing, retries=AT_ONCE
    )
    with pytest.raises(StoreUnavailable) as caught:
        other.scan("a").collect()
    assert TOKEN not in carried(caught.value)


def test_a_store_that_cannot_be_opened_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", TOKEN)
    with pytest.raises(StoreUnavailable) as caught:
        open_s3("bucket/state", profile="nobody", session_token=TOKEN)
    assert TOKEN not in carried(caught.value)


@pytest.mark.parametrize("ask", [create_shop, apply_changes], ids=lambda ask: ask.__name__)
@pytest.mark.parametrize("name", ["sslmode", "nosuch"])
def test_the_demo_does_not_repeat_its_url(ask: Callable[[str], object], name: str) -> None:
    with pytest.raises((DemoUnavailable, psycopg.Error)) as caught:
        ask(f"postgresql://x:{TOKEN}@127.0.0.1:1/shop?{name}={TOKEN}")
    assert isinstance(caught.value, DemoUnavailable)
    assert TOKEN not in carried(caught.value)


ROOT = Path(errors.__file__).parent
# Where foreign words arrive: drivers, servers, stores, programs. What a local file system and our
# own documents say is no secret.
FOREIGN = [
    *(path for room in ("source", "demo") for path in sorted((ROOT / room).rglob("*.py"))),
    *sorted((ROOT / "state_store").glob("s3*.py")),
    *(ROOT / "state_store" / name for name in ("resource.py", "parquet.py")),
]


@pytest.mark.parametrize("path", FOREIGN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_whatever_is_raised_for_a_foreign_error_leaves_it_behind(path: Path) -> None:
    handlers = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
    ]
    chained = [
        f"line {node.lineno}"
        for handler in handlers
        for node in ast.walk(handler)
        if isinstance(node, ast.Raise) and node.exc is not None
        if not (isinstance(node.cause, ast.Constant) and node.cause.value is None)
    ]
    assert chained == []
