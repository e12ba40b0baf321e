"""Small servers of the kinds that sinks send to: they keep what arrives and fail when told to."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, bytes]


class Receiver:
    """Keeps what was posted; answers with the next of ``answers``, then as it should."""

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int | None] = []
        self.headers: dict[str, str] = {}
        self.paths: list[str] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                receiver.posts.append((dict(self.headers), body))
                receiver.paths.append(self.path)
                answer = receiver.answers.pop(0) if receiver.answers else 200
                if answer is None:
                    # Taken, and the answer is lost.
                    self.close_connection = True
                    return
                taken = receiver.taken(self.path, body) if answer == 200 else (answer, b"")
                self._answer(*taken)

            def do_GET(self) -> None:
                self._answer(*receiver.found(self.path))

            def do_DELETE(self) -> None:
                self._answer(*receiver.removed(self.path))

            def do_OPTIONS(self) -> None:
                self._answer(204, b"")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.posts]

    def taken(self, _path: str, _body: bytes) -> Answer:
        """What a post is answered that nothing else was planned for."""
        return 200, b""

    def found(self, _path: str) -> Answer:
        return 404, b""

    def removed(self, _path: str) -> Answer:
        return 404, b""


class Gms(Receiver):
    """A DataHub's metadata service: holds every proposal against the SDK's own classes."""

    root = ""

    def found(self, path: str) -> Answer:
        return (200, b'{"noCode": "true"}') if path == f"{self.root}/config" else (404, b"")

    def taken(self, path: str, body: bytes) -> Answer:
        from datahub.metadata.schema_classes import ASPECT_NAME_MAP

        assert path == f"{self.root}/aspects?action=ingestProposalBatch"
        content = json.loads(body)
        assert content["async"] == "false"
        for one in content["proposals"]:
            assert one["aspect"]["contentType"] == "application/json"
            aspect = ASPECT_NAME_MAP[one["aspectName"]].from_obj(json.loads(one["aspect"]["value"]))
            assert aspect.validate()
        return 200, b"{}"

    def proposals(self) -> list[dict[str, Any]]:
        """What arrived, as files have it."""
        return [
            {
                **{name: one[name] for name in ("entityType", "entityUrn", "changeType")},
                "aspectName": one["aspectName"],
                "aspect": {"json": json.loads(one["aspect"]["value"])},
            }
            for body in self.bodies()
            for one in body["proposals"]
        ]


class AtlanTenant(Receiver):
    """A tenant of Atlan: its entities by type and qualified name."""

    def __init__(self) -> None:
        super().__init__()
        self.entities: dict[tuple[str, str], dict[str, Any]] = {}
        self.guids: dict[str, tuple[str, str]] = {}
        self.lookups: list[int] = []

    def taken(self, path: str, body: bytes) -> Answer:
        assert urlsplit(path).path == "/api/meta/entity/bulk/"
        for entity in json.loads(body)["entities"]:
            key = (entity["typeName"], entity["attributes"]["qualifiedName"])
            if key not in self.entities:
                self.guids[str(uuid.uuid4())] = key
            self.entities[key] = entity
        return _as_json({"mutatedEntities": {}, "guidAssignments": {}})

    def found(self, path: str) -> Answer:
        if self.lookups:
            return self.lookups.pop(0), b""
        parts, asked = urlsplit(path).path.split("/"), parse_qs(urlsplit(path).query)
        if parts[4] == "guid":
            return self._told(parts[5])
        name = asked["attr:qualifiedName"][0]
        for guid, key in self.guids.items():
            if key == (parts[6], name):
                return self._told(guid)
        status, body = _as_json({"errorCode": "ATLAS-404-00-009", "errorMessage": "no entity"})
        return 404, body

    def removed(self, path: str) -> Answer:
        asked = parse_qs(urlsplit(path).query)
        assert asked["deleteType"] == ["SOFT"]
        for guid in asked["guid"]:
            del self.entities[self.guids.pop(guid)]
        return _as_json({"mutatedEntities": {}})

    def _told(self, guid: str) -> Answer:
        type_name, name = self.guids[guid]
        entity = {"typeName": type_name, "guid": guid, "status": "ACTIVE"}
        return _as_json({"entity": {**entity, "attributes": {"qualifiedName": name, "name": name}}})


def _as_json(content: Any) -> Answer:
    return 200, json.dumps(content).encode()


@contextmanager
def serving(receiver: Receiver) -> Iterator[None]:
    """The server runs."""
    thread = Thread(target=receiver.server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join()
