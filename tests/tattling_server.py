"""A server that repeats in its error message the password it was given, and all else it was told.

It speaks as much of PostgreSQL's protocol (version 3) as a login needs.
"""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

ASK_FOR_PASSWORD = b"R" + struct.pack("!ii", 8, 3)


@contextmanager
def tattling_server() -> Iterator[int]:
    """Its port on 127.0.0.1, as long as the context lasts."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_serve, args=(listening,), daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        # Closing alone does not wake up who waits in accept.
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve(listening: socket.socket) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        with client:
            _refuse(client)


def _refuse(client: socket.socket) -> None:
    began = _message(client)
    # Requests for TLS or GSSAPI encryption come first; N declines them.
    while began and struct.unpack("!i", began[:4])[0] in (80877103, 80877104):
        client.sendall(b"N")
        began = _message(client)
    if not began:
        return
    client.sendall(ASK_FOR_PASSWORD)
    if client.recv(1) == b"p":
        password = _message(client).rstrip(b"\0")
        told = (
            b"password authentication failed: not "
            + password
            + b" with "
            + began[4:].replace(b"\0", b" ")
        )
        fields = b"SFATAL\0VFATAL\0C28P01\0M" + told + b"\0D" + password + b"\0\0"
        client.sendall(b"E" + struct.pack("!i", len(fields) + 4) + fields)


def _message(client: socket.socket) -> bytes:
    """What follows a length; nothing where the client has gone."""
    length = client.recv(4, socket.MSG_WAITALL)
    if len(length) < 4:
        return b""
    return client.recv(struct.unpack("!i", length)[0] - 4, socket.MSG_WAITALL)
