"""A proxy between us and a PostgreSQL server that sees every statement and may mistreat it.

Requests and answers take turns on each connection, as psycopg does without pipelines. Passwords
and encryption are not spoken.
"""

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

# What a client may send before its first message with a type.
# https://www.postgresql.org/docs/current/protocol-message-formats.html
STARTUP, ASKS_FOR_ENCRYPTION = 196608, (80877103, 80877104)
LENGTH, HEADER = struct.Struct("!i"), struct.Struct("!ci")
ENDS_A_REQUEST, ENDS_AN_ANSWER, GOODBYE = (b"S", b"Q"), b"Z", b"X"


class Ended(Exception):  # noqa: N818 - the end of a conversation is no error
    """One of the two sides is gone; ``rest`` is what it still said."""

    def __init__(self, rest: bytes = b"") -> None:
        super().__init__()
        self.rest = rest


@dataclass(frozen=True)
class Statement:
    """A statement that has arrived and was not passed on yet, with its number on the wire."""

    number: int
    text: str
    request: bytes
    pair: "Pair"

    def answer(self) -> bytes:
        """Let the server run it; what it answers."""
        self.pair.server.sendall(self.request)
        return self.pair.answer()

    def do(self) -> None:
        """Let it happen."""
        self.pair.client.sendall(self.answer())


Around = Callable[[Statement], None]


class Pair:
    """A client's connection and ours to the server."""

    def __init__(
        self, client: socket.socket, server: socket.socket, refuse: Callable[[bytes], bytes]
    ) -> None:
        self.client = client
        self.server = server
        self._refuse = refuse

    @property
    def port(self) -> int:
        """The port by which the server knows the connection."""
        port: int = self.server.getsockname()[1]
        return port

    def converse(self, tell: Callable[[bytes, "Pair"], None]) -> None:
        """Until one side is gone; statements go to ``tell``."""
        try:
            self._start()
            while True:
                tell(self._request(), self)
        except Ended as ended:
            with suppress(OSError):
                self.client.sendall(ended.rest)
        except OSError:
            pass
        finally:
            self.cut()
            self.client.close()
            self.server.close()

    def cut(self) -> None:
        """End both connections at once, without a word."""
        for side in (self.client, self.server):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def answer(self) -> bytes:
        """What the server says until it is ready for more."""
        said = b""
        while True:
            try:
                kind, message = _message(self.server)
            except Ended as ended:
                raise Ended(said + ended.rest) from None
            said += message
            if kind == ENDS_AN_ANSWER:
                return said

    def _start(self) -> None:
        while True:
            size = _exactly(self.client, LENGTH.size)
            body = _exactly(self.client, LENGTH.unpack(size)[0] - LENGTH.size)
            if refusal := self._refuse(body):
                raise Ended(refusal)
            self.server.sendall(size + body)
            code = LENGTH.unpack(body[: LENGTH.size])[0]
            if code not in ASKS_FOR_ENCRYPTION:
                break
            self.client.sendall(_exactly(self.server, 1))
        if code != STARTUP:
            raise Ended
        self.client.sendall(self.answer())

    def _request(self) -> bytes:
        said = b""
        while True:
            kind, message = _message(self.client)
            said += message
            if kind == GOODBYE:
                raise Ended
            if kind in ENDS_A_REQUEST:
                return said


class Wire:
    """The proxy, listening at ``port`` while the block lasts.

    ``server_port`` may be a function: a balancer, asked for every connection. ``refused``: a
    parameter that clients must not send when they start, as at a pooler.
    """

    def __init__(
        self,
        server_port: int | Callable[[], int],
        around: Around,
        *,
        refused: str | None = None,
    ) -> None:
        self._server_port = server_port
        self._around = around
        self._refused = refused
        self.refusals = 0
        self._numbers = count(1)
        self._pairs: list[Pair] = []
        self._threads: list[threading.Thread] = []
        self.port = 0

    def __enter__(self) -> "Wire":
        self.open()
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def open(self) -> None:
        """Take connections, again at the same port."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        self._start(self._accept, self._listener)

    def close(self) -> None:
        """Cut every connection and refuse new ones."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for pair in self._pairs:
            pair.cut()
        for thread in self._threads:
            thread.join()
        self._pairs.clear()
        self._threads.clear()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self, listener: socket.socket) -> None:
        with listener, suppress(OSError):
            while True:
                client, _ = listener.accept()
                port = self._server_port
                port = port() if callable(port) else port
                server = socket.create_connection(("127.0.0.1", port))
                pair = Pair(client, server, self._refuse)
                self._pairs.append(pair)
                self._start(pair.converse, self._tell)

    def _refuse(self, body: bytes) -> bytes:
        """What PgBouncer says of a parameter that it does not know."""
        if self._refused is None or f"\0{self._refused}\0".encode() not in body:
            return b""
        self.refusals += 1
        told = f"SFATAL\0C08P01\0Munsupported startup parameter: {self._refused}\0\0".encode()
        return HEADER.pack(b"E", len(told) + LENGTH.size) + told

    def _tell(self, request: bytes, pair: Pair) -> None:
        self._around(Statement(next(self._numbers), _text(request), request, pair))


def _text(request: bytes) -> str:
    # Query holds the text; Parse holds the name of a prepared statement first, here an empty one.
    return request[HEADER.size :].lstrip(b"\0").partition(b"\0")[0].decode()


def _message(side: socket.socket) -> tuple[bytes, bytes]:
    header = _exactly(side, HEADER.size)
    kind, size = HEADER.unpack(header)
    try:
        return kind, header + _exactly(side, size - LENGTH.size)
    except Ended as ended:
        raise Ended(header + ended.rest) from None


def _exactly(side: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        more = side.recv(size - len(got))
        if not more:
            raise Ended(got)
        got += more
    return got
