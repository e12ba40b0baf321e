"""Posting, whatever the server does with it."""

import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from incremental_resources.sinks.errors import SinkUnavailable
from incremental_resources.sinks.http import post, unreached
from tests.sinks.servers import Receiver, serving


class Dripping(BaseHTTPRequestHandler):
    """Answers 200, and has no end of what it says."""

    piece = b"x"
    pause = 0.2

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(self.piece)
                self.wfile.flush()
                time.sleep(self.pause)
        except OSError:
            return

    def log_message(self, *_arguments: object) -> None:
        pass


class Flooding(Dripping):
    piece = b"x" * (1 << 20)
    pause = 0.0


@contextmanager
def answering(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("handler", [Dripping, Flooding])
def test_what_was_answered_is_known_before_its_body(
    handler: type[BaseHTTPRequestHandler],
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with answering(handler) as url:
        post(url, b"{}", {}, 30.0)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 100


def test_a_token_is_not_replaced_by_what_netrc_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server = Receiver()
    with serving(server):
        post(f"{server.origin}/", b"{}", {"Authorization": "Bearer token"}, 5.0)
    assert [headers["Authorization"] for headers, _ in server.posts] == ["Bearer token"]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:9/secretive?secretive", "nothing listens there"),
        ("http://nobody.invalid/secretive", "nobody knows the name"),
        ("https://user:secretive@127.0.0.1:9/", "nothing listens there"),
    ],
)
def test_why_no_connection_came_is_told_without_the_address(url: str, why: str) -> None:
    with pytest.raises(SinkUnavailable) as raised:
        post(url, b"{}", {}, 5.0)
    assert f": {why}." in str(raised.value)
    assert "secretive" not in str(raised.value)


def test_a_server_that_speaks_no_tls_is_told() -> None:
    server = Receiver()
    with serving(server), pytest.raises(SinkUnavailable, match="does not speak TLS"):
        post(server.origin.replace("http:", "https:"), b"{}", {}, 5.0)


def test_what_nobody_knows_the_reason_of_broke() -> None:
    assert "it broke" in str(unreached("http://h", RuntimeError("odd")))
