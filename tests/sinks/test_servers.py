"""The kinds that send to a catalog's server, against a small one that stores what arrives."""

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from incremental_resources.sinks.datahub.proposals import proposals_of
from incremental_resources.sinks.datahub.urns import Namer
from incremental_resources.sinks.errors import SinkRefused, SinkUnavailable
from incremental_resources.sinks.kinds import Place, kind_named
from tests.builders import database, schema, state, table
from tests.sinks.made import made_delivery
from tests.sinks.test_webhook import AFTER, BEFORE, Receiver

TOKEN = "tell-nobody-about-this-token"
SETTINGS = {
    "datahub": {"server": "{url}", "token": TOKEN},
    "openlineage": {"url": "{url}", "api_key": TOKEN},
}
PATHS = {"datahub": "/aspects?action=ingestProposal", "openlineage": "/api/v1/lineage"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    thread = Thread(target=found.server.serve_forever, args=(0.05,))
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


def published(kind: str, receiver: Receiver, folder: Path) -> None:
    """A version to a file and to the server, by one sink."""
    found = kind_named(kind)
    assert found
    url = f"http://127.0.0.1:{receiver.server.server_port}"
    given = {name: value.replace("{url}", url) for name, value in SETTINGS[kind].items()}
    options = found.options.model_validate({**given, "path": str(folder)})
    sink = found.make(options, Place(kind, "shop", "postgresql"))
    sink.publish(made_delivery(BEFORE, AFTER, 2))


@pytest.mark.parametrize("kind", SETTINGS)
def test_the_server_gets_what_the_file_holds(receiver: Receiver, tmp_path: Path, kind: str) -> None:
    published(kind, receiver, tmp_path)
    (file,) = tmp_path.rglob("00000002-*.json*")
    bodies = receiver.bodies()
    if kind == "datahub":
        in_file = json.loads(file.read_text())
        sent = [one["proposal"] for one in bodies]
        for one in sent:
            assert one["aspect"]["contentType"] == "application/json"
            one["aspect"] = {"json": json.loads(one["aspect"]["value"])}
    else:
        in_file, sent = [json.loads(line) for line in file.read_text().splitlines()], bodies
    assert sent == in_file
    assert {headers["Authorization"] for headers, _ in receiver.posts} == {f"Bearer {TOKEN}"}
    assert set(receiver.paths) == {PATHS[kind]}


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize(
    ("answer", "error"), [(500, SinkUnavailable), (401, SinkRefused), (None, SinkUnavailable)]
)
def test_what_is_refused_on_the_way_is_told_and_sent_again_from_the_beginning(
    receiver: Receiver, tmp_path: Path, kind: str, answer: int | None, error: type[Exception]
) -> None:
    receiver.answers = [200, answer]
    with pytest.raises(error) as raised:
        published(kind, receiver, tmp_path)
    assert TOKEN not in repr(raised.getrepr(style="long", chain=True))
    first = [body for _, body in receiver.posts]
    receiver.posts.clear()
    published(kind, receiver, tmp_path)
    assert [body for _, body in receiver.posts][:2] == first


def test_a_table_that_takes_the_name_of_a_view_has_no_definition_in_datahub() -> None:
    before, after = (
        state(databases=[database()], schemas=[schema()], tables=[table("t", id, kind=kind)])
        for id, kind in (("1", "VIEW"), ("2", "TABLE"))
    )
    proposals = list(proposals_of(made_delivery(before, after, 2), Namer("postgres", "PROD")))
    (told,) = [one["aspect"]["json"] for one in proposals if one["aspectName"] == "viewProperties"]
    assert told["viewLogic"] == ""
