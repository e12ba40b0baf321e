"""MariaDB servers that are not like the others: names in lower case, read-only, killed."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from incremental_resources.errors import ResourceError
from incremental_resources.source.source import Source
from tests import mysql_server
from tests.contract.test_mysql_guest import LONG, running
from tests.live import current, refresh, refreshing, state
from tests.mysql_server import PrivateServer
from tests.oracle import differing
from tests.sources import CATALOGUE, Live, Only, copied_folder, mysql
from tests.waiting import wait_until


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., tuple[PrivateServer, Live]]]:
    """A server with these options, and the known catalogue in its database ``Shop``."""
    with ExitStack() as ending:

        def begin(**options: str) -> tuple[PrivateServer, Live]:
            server = PrivateServer(tmp_path, **options)
            server.start()
            ending.callback(server.kill)
            with mysql_server.connected(server.url) as cursor:
                cursor.execute('create database "Shop"')
            live = mysql(f"{server.url}/Shop")
            live.ddl(*CATALOGUE)
            return server, live

        yield begin


def test_where_names_are_in_lower_case_they_are_listed_so(
    serve: Callable[..., tuple[PrivateServer, Live]],
) -> None:
    server, live = serve(lower_case_table_names="1")
    live.ddl('create table "Orders" (id integer references product (id), "Note" text)')
    with refreshing(f"{server.url}/shop") as refresher:
        refresh(refresher)
        live.ddl('alter table "ORDERS" rename column "Note" to "NOTE"', 'drop table "SALE"')
        assert refresh(refresher).mode == "incremental"
        found = state(current(refresher))
        assert sorted(found["tables"].collect()["table"]) == ["offer", "orders", "product"]
        assert "NOTE" in found["columns"].collect()["column"].to_list()
        assert differing(f"{server.url}/shop", found, partitions=False) == {}


def test_a_server_that_takes_no_writes_is_read(
    serve: Callable[..., tuple[PrivateServer, Live]],
) -> None:
    server, live = serve()
    live.ddl("set global read_only = 1")
    with refreshing(f"{server.url}/Shop") as refresher:
        assert refresh(refresher).counts["tables"] == 3


def test_a_killed_server_is_told_and_nothing_is_read_again_when_it_is_back(
    serve: Callable[..., tuple[PrivateServer, Live]], package: Path
) -> None:
    server, live = serve()
    url = f"{server.url}/Shop"
    with refreshing(url) as refresher:
        refresh(refresher)
        changes = copied_folder(live.dialect, package, probe=f"/* {live.schema} */ {LONG}")
        dialect = replace(live.dialect, **changes)
        scope = Only("def", frozenset({live.schema}))
        with Source(url, dialect, scope, statement_timeout_seconds=60, name="shop") as source:
            killer = threading.Thread(target=lambda: _kill_when_busy(server, live))
            killer.start()
            with pytest.raises(ResourceError) as error:
                source.probe()
            killer.join()
        assert error.value.transient
        server.start()
        assert refresh(refresher).mode == "unchanged"


def _kill_when_busy(server: PrivateServer, live: Live) -> None:
    wait_until(lambda: running(live, f"/* {live.schema} */"))
    server.kill()
