"""When ``ui`` has the code location loaded again."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

from incremental_assets.cli.reloading import ShownTables, reload
from incremental_assets.config.loading import load_config
from incremental_assets.naming import LOCATION
from tests.shop_versions import FIRST, FIRST_CHANGES, SECOND, SECOND_CHANGES, Shop
from tests.states import MARKER


@contextmanager
def answering(answer: Any) -> Iterator[tuple[str, list[Any]]]:
    """A webserver that gives one answer: its address, and what it was asked."""
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_words: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def shown(shop: Shop, lineage: str) -> ShownTables:
    file = shop.directory / "connections.yaml"
    file.write_text(f"connections: [{{name: shop, url: 'sqlite:///shop.db', {lineage}}}]")
    return ShownTables(load_config(file))


def test_only_another_set_of_tables_is_a_reason(shop: Shop) -> None:
    tables = shown(shop, "lineage: {}")
    assert tables
    assert tables.now() == frozenset()

    shop.commit(FIRST, FIRST_CHANGES)
    first = tables.now()
    assert first == {("shop", "shop", "main", "orders")}

    shop.commit(FIRST, {}, at=MARKER.replace(hour=MARKER.hour + 1))
    assert tables.now() == first

    shop.commit(SECOND, SECOND_CHANGES, at=MARKER.replace(hour=MARKER.hour + 2))
    assert tables.now() > first


def test_a_state_that_cannot_be_read_is_none(shop: Shop) -> None:
    tables = shown(shop, "lineage: {}")
    shop.commit(FIRST, FIRST_CHANGES)
    first = tables.now()
    (shop.directory / "catalog" / "shop" / "HEAD").write_text("damaged")

    assert tables.now() == first


def test_connections_that_show_no_tables_are_not_looked_at(shop: Shop) -> None:
    assert not shown(shop, "dialect: sqlite")


def test_the_webserver_is_asked_to_load_our_location() -> None:
    answer = {"data": {"reloadRepositoryLocation": {"__typename": "WorkspaceLocationEntry"}}}
    with answering(answer) as (url, asked):
        assert reload(url)

    assert asked[0]["variables"] == {"location": LOCATION}


def test_a_refusal_or_no_answer_is_tried_again_later() -> None:
    with answering({"data": None, "errors": [{"message": "no"}]}) as (url, _):
        assert not reload(url)
    assert not reload(url)
