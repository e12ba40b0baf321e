"""The kinds that send to a catalog's server, against a small one that keeps what arrives."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from incremental_resources.sinks.datahub.proposals import proposals_of
from incremental_resources.sinks.datahub.urns import Namer
from incremental_resources.sinks.delivery import Delivery
from incremental_resources.sinks.errors import SinkRefused, SinkUnavailable
from incremental_resources.sinks.kinds import Place, kind_named
from tests.builders import column, database, procedure, schema, state, table
from tests.sinks import folds
from tests.sinks.made import made_delivery
from tests.sinks.servers import AtlanTenant, Gms, Receiver, serving

# The catalogs' own packages call what is deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

TOKEN = "tell-nobody-about-this-token"
CONNECTION = "default/postgres/1234567890"
SETTINGS = {
    "atlan": {"tenant": "{}", "api_key": TOKEN, "connection_qualified_name": CONNECTION},
    "datahub": {"server": "{}/gms", "token": TOKEN},
    "openlineage": {"url": "{}/marquez/", "api_key": TOKEN},
}
SERVERS: Mapping[str, type[Receiver]] = {
    "atlan": AtlanTenant,
    "datahub": Gms,
    "openlineage": Receiver,
}
VIEW = {"kind": "VIEW", "definition": "select i.id from public.item i"}
BEFORE = state(
    databases=[database()],
    schemas=[schema(), schema("gone")],
    tables=[table("item", "1", comment="all of them"), table("turned", "2", **VIEW)],
    columns=[column("item", "id"), column("item", "label", 2), column("turned", "id")],
    procedures=[procedure("price", "7"), procedure("price", "8", kind="PROCEDURE")],
)
AFTER = state(
    databases=[database()],
    schemas=[schema()],
    tables=[
        table("sold", "1"),
        table("turned", "3"),
        table("a.b 😀", "4", kind="PARTITION", parent_schema="public", parent_table="sold"),
        table("lost", "5", kind="PARTITION"),
    ],
    columns=[column("sold", "id"), *(column("a.b 😀", f"c{n}", n) for n in range(60))],
    procedures=[procedure("price", "7")],
)


def told(server: Receiver) -> list[Any]:
    """What arrived, without what the client says of itself."""
    return server.proposals() if isinstance(server, Gms) else server.bodies()


@contextmanager
def server_of(kind: str) -> Iterator[Receiver]:
    made = SERVERS[kind]()
    with serving(made):
        yield made


def publish(kind: str, server: Receiver, delivery: Delivery, **more: Any) -> Mapping[str, Any]:
    found = kind_named(kind)
    assert found
    given = {name: value.format(server.origin) for name, value in SETTINGS[kind].items()}
    options = found.options.model_validate({**given, **more})
    done = found.make(options, Place(kind, "shop", "postgresql")).publish(delivery)
    assert done
    return done


def exported(kind: str, delivery: Delivery, folder: Path) -> Path:
    found = kind_named(kind)
    assert found
    assert found.write_snapshot
    given = {"path": str(folder)}
    if kind == "atlan":
        given["connection_qualified_name"] = CONNECTION
    with (folder / "export").open("wb") as stream:
        options = found.options.model_validate(given)
        found.write_snapshot(delivery, options, Place(kind, "shop", "postgresql"), stream)
    return folder / "export"


@pytest.fixture(autouse=True)
def below_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """A DataHub is often below a path of its frontend."""
    monkeypatch.setattr(Gms, "root", "/gms")


@pytest.mark.parametrize("kind", ["datahub", "openlineage"])
def test_the_server_gets_what_the_file_holds(tmp_path: Path, kind: str) -> None:
    with server_of(kind) as server:
        done = publish(kind, server, made_delivery(BEFORE, AFTER, 2), path=str(tmp_path))
    (file,) = tmp_path.rglob("00000002-*.json*")
    if isinstance(server, Gms):
        in_file, sent = json.loads(file.read_text()), server.proposals()
    else:
        in_file, sent = (
            [json.loads(line) for line in file.read_text().splitlines()],
            server.bodies(),
        )
        assert set(server.paths) == {"/marquez/api/v1/lineage"}
    assert sent == in_file
    assert list(done.values()) == [len(sent)]
    assert {headers["Authorization"] for headers, _ in server.posts} == {f"Bearer {TOKEN}"}


def test_datahub_gets_many_proposals_at_once() -> None:
    many = state(tables=[table(f"t{n}", str(n)) for n in range(100)])
    with server_of("datahub") as server:
        done = publish("datahub", server, made_delivery(None, many))
    assert done["proposals"] > 600
    assert len(server.posts) < 10


def test_a_tenant_has_what_an_export_says(tmp_path: Path) -> None:
    with server_of("atlan") as server:
        assert isinstance(server, AtlanTenant)
        for before, after, version in ((None, BEFORE, 1), (BEFORE, AFTER, 2)):
            publish("atlan", server, made_delivery(before, after, version))
            whole = exported("atlan", made_delivery(None, after), tmp_path)
            expected = folds.atlan([whole])
            assert set(server.entities) == set(expected)
            for key, entity in server.entities.items():
                told = {**entity["attributes"], **entity["customAttributes"]}
                wanted = {**expected[key]["attributes"], **expected[key]["customAttributes"]}
                related = {name for name, value in told.items() if isinstance(value, dict)}
                assert {n: v for n, v in told.items() if v is not None and n not in related} == {
                    n: v
                    for n, v in wanted.items()
                    if v is not None and n not in related and n not in folds.STATISTICS
                }
                for name in related:
                    target = told[name]["uniqueAttributes"]["qualifiedName"]
                    assert (told[name]["typeName"], target) in server.entities
    assert {headers["authorization"] for headers, _ in server.posts} == {f"Bearer {TOKEN}"}
    assert len(server.posts) < 20


def test_a_comment_that_is_gone_is_taken_from_the_tenant() -> None:
    after = state(tables=[table("item", "1")])
    before = state(tables=[table("item", "1", comment="old")])
    with server_of("atlan") as server:
        publish("atlan", server, made_delivery(before, after, 2))
    (entity,) = server.bodies()[-1]["entities"]
    assert entity["attributes"]["description"] is None


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (500, SinkUnavailable),
        (503, SinkUnavailable),
        (429, SinkUnavailable),
        (401, SinkRefused),
        (404, SinkRefused),
        (302, SinkRefused),
        (None, SinkUnavailable),
    ],
)
def test_what_is_refused_on_the_way_is_told_and_sent_again_from_the_beginning(
    kind: str, answer: int | None, error: type[Exception]
) -> None:
    delivery = made_delivery(BEFORE, AFTER, 2)
    with server_of(kind) as server:
        server.headers = {"Location": f"{server.origin}/elsewhere"} if answer == 302 else {}
        # The clients' own retries are not enough.
        server.answers = [200, *([answer] * 10)] if kind != "datahub" else [answer] * 10
        with pytest.raises(error) as raised:
            publish(kind, server, delivery)
        assert TOKEN not in repr(raised.getrepr(style="long", chain=True))
        assert not any("elsewhere" in path for path in server.paths)
        first = told(server)
        server.posts.clear()
        server.answers, server.headers = [], {}
        publish(kind, server, delivery)
        assert told(server)[0] == first[0]


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_server_that_is_not_there_is_told(kind: str) -> None:
    with server_of(kind) as server:
        pass
    with pytest.raises(
        SinkUnavailable, match="No connection to http://127.0.0.1:[0-9]+: nothing listens there"
    ):
        publish(kind, server, made_delivery(None, AFTER))


@pytest.mark.parametrize(("answer", "error"), [(503, SinkUnavailable), (401, SinkRefused)])
def test_a_lookup_that_fails_is_no_entity_that_is_not_there(
    answer: int, error: type[Exception]
) -> None:
    with server_of("atlan") as server:
        assert isinstance(server, AtlanTenant)
        publish("atlan", server, made_delivery(None, BEFORE))
        server.lookups = [answer] * 10
        with pytest.raises(error):
            publish("atlan", server, made_delivery(BEFORE, AFTER, 2))
        server.lookups = []
        publish("atlan", server, made_delivery(BEFORE, AFTER, 2))
        assert ("View", f"{CONNECTION}/shop/public/turned") not in server.entities
        assert ("Table", f"{CONNECTION}/shop/public/turned") in server.entities


def test_what_is_no_metadata_service_is_told() -> None:
    class Frontend(Gms):
        def found(self, _path: str) -> tuple[int, bytes]:
            return 200, b"<html>"

    server = Frontend()
    with serving(server), pytest.raises(SinkRefused, match="no metadata service"):
        publish("datahub", server, made_delivery(None, AFTER))


def test_a_table_that_takes_the_name_of_a_view_has_no_definition_in_datahub() -> None:
    before, after = (
        state(databases=[database()], schemas=[schema()], tables=[table("t", id, kind=kind)])
        for id, kind in (("1", "VIEW"), ("2", "TABLE"))
    )
    proposals = list(proposals_of(made_delivery(before, after, 2), Namer("postgres", "PROD")))
    (told,) = [one["aspect"]["json"] for one in proposals if one["aspectName"] == "viewProperties"]
    assert told["viewLogic"] == ""
