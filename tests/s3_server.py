"""An S3 server for tests: moto's, in a thread of this process, behind a door that can misbehave.

``started()`` gives a server with its endpoint; ``s3_objects(endpoint, bucket, prefix)`` opens a
store on it from any process. The door sees real HTTP, Polars' own requests included.
``python -m tests.s3_server`` serves until its input ends, for those who fork.
"""

import re
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from incremental_resources.state_store.s3 import S3Objects
from incremental_resources.state_store.s3_retries import Retries

ACCESS_KEY, SECRET_KEY = "AKIATESTSTESTSTESTS0", "not/a+secret/but+looks/like+one00000000"
REGION = "us-east-1"
# Retries as many as in earnest, without their pauses.
AT_ONCE = Retries(first_pause=0.0)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]
Act = Callable[["Request"], Iterable[bytes]]


class Quiet(MotoRequestHandler):
    """Serves without a line on stderr for each request."""

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


@dataclass
class Request:
    """One request as it arrived, and the means to answer it."""

    environ: Environ
    start_response: StartResponse
    app: App

    @property
    def line(self) -> str:
        """Method, path and query: ``PUT /bucket/shop/HEAD?uploads``."""
        query = self.environ["QUERY_STRING"]
        path = self.environ["PATH_INFO"] + (f"?{query}" if query else "")
        return f"{self.environ['REQUEST_METHOD']} {path}"

    def served(self) -> Iterable[bytes]:
        """As the real server answers."""
        return self.app(self.environ, self.start_response)

    def answered(self, status: str, code: str, *, unread: bool = True) -> list[bytes]:
        """An error as S3 writes it; ``unread`` if the request's body was not read yet."""
        if unread:
            self.environ["wsgi.input"].read(int(self.environ.get("CONTENT_LENGTH") or 0))
        body = f"<Error><Code>{code}</Code><Message>asked to fail</Message></Error>".encode()
        if self.environ["REQUEST_METHOD"] == "HEAD":
            body = b""
        length = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
        self.start_response(status, length)
        return [body]

    def cut(self) -> list[bytes]:
        """The connection ends without an answer."""
        self.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError("asked to fail")


@dataclass
class Fault:
    """What happens to requests whose line matches: to ``times`` of them, after ``skip`` others."""

    pattern: str
    act: Act
    times: int
    skip: int
    met: int = 0

    def hits(self, line: str) -> bool:
        """Count a request; whether this one is to fail."""
        if re.search(self.pattern, line) is None:
            return False
        self.met += 1
        return self.skip < self.met <= self.skip + self.times


@dataclass
class S3Server:
    """A running server; ``lines`` are the requests it has seen."""

    app: App
    endpoint: str = ""
    lines: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ, start_response, self._one_at_a_time)
        self.lines.append(request.line)
        for fault in self.faults:
            if fault.hits(request.line):
                return fault.act(request)
        return request.served()

    def _one_at_a_time(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        # Moto looks at a condition and then stores; S3 does both at once.
        with self._lock:
            return list(self.app(environ, start_response))

    def fail(self, pattern: str, act: Act, *, times: int = 1_000_000, skip: int = 0) -> Fault:
        """Let requests whose line matches ``pattern`` go wrong from now on."""
        self.faults.append(Fault(pattern, act, times, skip))
        return self.faults[-1]

    def bucket(self) -> str:
        """A new bucket."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        client(self.endpoint).create_bucket(Bucket=name)
        return name

    @contextmanager
    def watched(self) -> Iterator[list[str]]:
        """The requests of a block."""
        seen: list[str] = []
        before = len(self.lines)
        yield seen
        seen += self.lines[before:]


def refused(status: str, code: str) -> Act:
    """Answer with this error."""
    return lambda request: request.answered(status, code)


def dropped(request: Request) -> list[bytes]:
    """Never arrives at the server."""
    return request.cut()


def done_but_unanswered(request: Request) -> list[bytes]:
    """The server does it; the answer is lost."""
    list(request.app(request.environ, lambda *_: None))
    return request.cut()


def done_but_failing(request: Request) -> list[bytes]:
    """The server does it, and what stands before it answers that it failed."""
    list(request.app(request.environ, lambda *_: None))
    return request.answered("502 Bad Gateway", "BadGateway", unread=False)


@contextmanager
def started() -> Iterator[S3Server]:
    """A server on a port of its own, until the end of the block."""
    door = S3Server(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, door, threaded=True, request_handler=Quiet)
    door.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    try:
        yield door
    finally:
        door.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def started_apart() -> Iterator[str]:
    """The endpoint of a server in a process of its own, until the end of the block."""
    command = [sys.executable, "-m", "tests.s3_server"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin
        assert server.stdout
        yield server.stdout.readline().strip()
        server.stdin.close()


def client(endpoint: str, **settings: Any) -> Any:
    """A client that tries once, as the product's does; ``settings`` as botocore's Config has."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(retries={"total_max_attempts": 1}, **settings),
    )


def credentials() -> dict[str, str]:
    """What ``client`` signs with."""
    return {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}


def s3_objects(endpoint: str, bucket: str, prefix: str = "", **settings: Any) -> S3Objects:
    """A store on a server that runs anywhere; usable from any process."""
    return S3Objects(
        client(endpoint, **settings), bucket, prefix, credentials=credentials, retries=AT_ONCE
    )


if __name__ == "__main__":
    with started() as apart:
        sys.stdout.write(f"{apart.endpoint}\n")
        sys.stdout.flush()
        sys.stdin.read()
