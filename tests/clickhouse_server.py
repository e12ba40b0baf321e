"""ClickHouse's HTTP interface in front of chdb: the engine is real, only the door is ours.

One process reads one folder with chdb at a time, so that there is one server per process.
"""

import base64
import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

USER, PASSWORD = "reader", "s3cr@t:/%"
# What of a request is neither a setting nor a parameter of the statement.
TRANSPORT = (
    *("query", "database", "wait_end_of_query", "compress", "decompress", "session_id", "query_id"),
    *("client_protocol_version", "enable_http_compression", "send_progress_in_http_headers"),
    *("http_headers_progress_interval_ms", "buffer_size", "role"),
)


HIDING = """
    set additional_table_filters = {{
        'system.tables': 'name <> ''{0}''', 'system.columns': 'table <> ''{0}'''
    }}
"""


class Faults:
    """What goes wrong with requests whose statement has these words: hang up, or answer so."""

    def __init__(self) -> None:
        self.hang_up: str | None = None
        self.answers: dict[str, str] = {}
        # The statements and their settings, in the order in which they came.
        self.seen: list[tuple[str, Mapping[str, str]]] = []
        self.connections: set[int] = set()
        # What the user is said to be granted, and the table that is hidden from it: chdb's own
        # user has every right, and there is no other.
        self.grants: tuple[str, ...] = ()
        self.hidden: str | None = None

    def open_connections(self) -> int:
        """How many clients are connected."""
        return len(self.connections)


class Handler(BaseHTTPRequestHandler):
    """One request is one statement."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    folder: ClassVar[Path]
    faults: ClassVar[Faults]

    def setup(self) -> None:
        """A client comes."""
        super().setup()
        self.faults.connections.add(id(self))

    def finish(self) -> None:
        """It goes."""
        self.faults.connections.discard(id(self))
        super().finish()

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        """A ping."""
        self._answer(200, b"Ok.\n")

    def do_POST(self) -> None:
        """A statement, its parameters and its settings."""
        given = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("multipart/form-data"):
            given |= _fields(kind, body)
        else:
            given["query"] = given.get("query", "") + body.decode()
        if not self._is_known():
            told = f"{USER}: Authentication failed: password is incorrect, or there is no user"
            self._fail(403, f"Code: 516. DB::Exception: {told}. (AUTHENTICATION_FAILED)")
            return
        settings = {
            name: value
            for name, value in given.items()
            if name not in TRANSPORT and not name.startswith("param_")
        }
        self.faults.seen.append((given["query"], settings))
        if self.faults.hang_up and self.faults.hang_up in given["query"]:
            self.close_connection = True
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[")
            return
        for words, told in self.faults.answers.items():
            if words in given["query"]:
                self._fail(500, told)
                return
        if "show grants" in given["query"] and self.faults.grants:
            lines = [["GRANTS"], ["String"], *([grant] for grant in self.faults.grants)]
            self._answer(200, "\n".join(map(json.dumps, lines)).encode())
            return
        self._run(given, settings)

    def _run(self, given: Mapping[str, str], settings: Mapping[str, str]) -> None:
        values = {
            name.removeprefix("param_"): value
            for name, value in given.items()
            if name.startswith("param_")
        }
        import chdb

        try:
            with closing(chdb.connect(str(self.folder))) as connection:
                if self.faults.hidden:
                    connection.query(HIDING.format(self.faults.hidden))
                for name, value in sorted(settings.items(), key=lambda one: one[0] == "readonly"):
                    connection.query(f"set {name} = '{value}'")
                answer = connection.query(given["query"], "TabSeparated", params=values).bytes()
        except RuntimeError as error:
            self._fail(500, str(error))
            return
        self._answer(200, answer)

    def _is_known(self) -> bool:
        told = self.headers.get("Authorization", "").removeprefix("Basic ")
        return base64.b64decode(told).decode() == f"{USER}:{PASSWORD}"

    def _fail(self, status: int, told: str) -> None:
        code = told.removeprefix("Code: ").partition(".")[0]
        self._answer(status, told.encode(), **{"X-ClickHouse-Exception-Code": code})

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        headers |= {"Content-Length": str(len(body)), "X-ClickHouse-Timezone": "UTC"}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _fields(kind: str, body: bytes) -> dict[str, str]:
    parts = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    return {
        str(part.get_param("name", header="Content-Disposition")): part.get_payload(
            decode=True
        ).decode()
        for part in parts.get_payload()
    }


@contextmanager
def serving(folder: Path) -> Iterator[tuple[int, Faults]]:
    """A server in front of the folder: its port, and what goes wrong there."""
    import chdb

    handler = type("Here", (Handler,), {"folder": folder, "faults": Faults()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        # The engine starts with the first connection and ends with the last.
        with closing(chdb.connect(str(folder))):
            yield server.server_port, handler.faults
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def run(folder: Path, schema: str, statements: Iterable[str]) -> None:
    """Run statements in a database of the folder, which comes to be with the first of them."""
    import chdb

    with closing(chdb.connect(str(folder))) as connection:
        for statement in (
            f"create database if not exists {schema}",
            f"use {schema}",
            "set create_table_empty_primary_key_by_default = 1",
            *statements,
        ):
            connection.query(statement)
