"""The kind `webhook` against a small HTTP server that checks signatures and fails on purpose."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from incremental_resources.sinks.errors import SinkRefused, SinkUnavailable
from incremental_resources.sinks.kinds import Place
from incremental_resources.sinks.webhook.kind import KIND, WebhookSink
from tests.builders import column, database, schema, state, table
from tests.documents import block
from tests.sinks.made import made_delivery
from tests.sinks.servers import Receiver, serving

SECRET = "tell-nobody-about-this"
BEFORE = state(
    databases=[database()],
    schemas=[schema()],
    tables=[table("item", "1")],
    columns=[column("item", "id"), column("item", "label", 2)],
)
AFTER = state(
    databases=[database()],
    schemas=[schema()],
    tables=[table("sold", "1"), table("a.b 😀", "2")],
    columns=[column("sold", "id"), *(column("a.b 😀", f"c{n}", n) for n in range(5))],
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    with serving(found):
        yield found


def sink(receiver: Receiver, **options: Any) -> WebhookSink:
    given = KIND.options.model_validate(
        {"url": f"{receiver.origin}/hook/{SECRET}", "secret": SECRET, **options}
    )
    made = KIND.make(given, Place("hook", "shop", "postgresql"))
    assert isinstance(made, WebhookSink)
    return made


def test_a_version_comes_in_pages_that_together_are_the_diff(receiver: Receiver) -> None:
    delivery = made_delivery(BEFORE, AFTER, 2)
    assert sink(receiver, page_rows=3).publish(delivery) == {"posts": len(receiver.posts)}
    bodies = receiver.bodies()
    assert [one["page"] for one in bodies] == list(range(1, len(bodies) + 1))
    assert [one["last"] for one in bodies] == [False] * (len(bodies) - 1) + [True]
    assert all(len(one["changes"]) <= 3 for one in bodies)
    assert {(one["version"], one["identity"]) for one in bodies} == {(2, f"{2:064x}")}
    assert bodies[0]["marker"] == "2026-01-31T12:00:00.000000Z"
    told = [change for one in bodies for change in one["changes"]]
    expected = [row for rows in delivery.changes.values() for row in rows.collect().to_dicts()]
    assert len(told) == len(expected)
    renamed = [one for one in told if one["change"] == "RENAMED"]
    assert [(one["previous_table"], one["table"]) for one in renamed] == [("item", "sold")]
    (created,) = [one for one in told if one["entity"] == "tables" and one["change"] == "CREATED"]
    assert created["table"] == "a.b 😀"
    assert created["after"]["kind"] == "TABLE"
    keys = [headers["Idempotency-Key"] for headers, _ in receiver.posts]
    assert len(set(keys)) == len(keys)


def test_the_snippet_of_the_docs_verifies_what_is_posted(receiver: Receiver) -> None:
    names: dict[str, Any] = {}
    exec(block("docs/sinks.md", "python", "def is_ours"), names)
    sink(receiver).publish(made_delivery(BEFORE, AFTER, 2))
    ((headers, body),) = receiver.posts
    assert names["is_ours"](headers, body, SECRET)
    assert not names["is_ours"](headers, body + b" ", SECRET)
    assert not names["is_ours"](headers, body, "another")
    old = {**headers, "X-Incremental-Timestamp": str(int(time.time()) - 1000)}
    assert not names["is_ours"](old, body, SECRET)


def test_a_state_that_begins_anew_is_a_summary_unless_asked_for(receiver: Receiver) -> None:
    sink(receiver).publish(made_delivery(None, AFTER))
    sink(receiver, with_state=True).publish(made_delivery(None, AFTER))
    first, second = receiver.bodies()
    assert first["changes"] == []
    assert first["summary"]["tables"] == {"CREATED": 2}
    assert len(second["changes"]) == 1 + 1 + 2 + 6


def test_slack_gets_one_text(receiver: Receiver) -> None:
    sink(receiver, format="slack").publish(made_delivery(BEFORE, AFTER, 2))
    ((_, body),) = receiver.posts
    content = json.loads(body)
    assert set(content) == {"text"}
    assert content["text"].startswith("shop: version 2: ")
    assert "RENAMED shop.public.sold" in content["text"]


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (429, SinkUnavailable, "It answered 429. It asks for 7 s of patience."),
        (500, SinkUnavailable, "It answered 500."),
        (503, SinkUnavailable, "It answered 503."),
        (401, SinkRefused, "It answered 401: it wants another token"),
        (404, SinkRefused, "It answered 404: see its own log"),
        (302, SinkRefused, "It answered 302"),
        (None, SinkUnavailable, ": it was closed without an answer."),
    ],
)
def test_what_is_not_taken_is_told_without_a_secret(
    receiver: Receiver, answer: int | None, error: type[Exception], told: str
) -> None:
    receiver.answers, receiver.headers = [answer], {"Retry-After": "7"}
    with pytest.raises(error) as raised:
        sink(receiver).publish(made_delivery(BEFORE, AFTER, 2))
    assert told in str(raised.value)
    assert SECRET not in repr(raised.getrepr(style="long", chain=True))
    sink(receiver).publish(made_delivery(BEFORE, AFTER, 2))
    first, second = [(headers["Idempotency-Key"], body) for headers, body in receiver.posts]
    assert first == second


def test_silence_ends(receiver: Receiver) -> None:
    receiver.server.server_close()
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/{SECRET}"
        given = KIND.options.model_validate({"url": url, "timeout_seconds": 0.2})
        with pytest.raises(SinkUnavailable, match="no answer within 0.2 s"):
            KIND.make(given, Place("hook", "shop", "sqlite")).publish(made_delivery(None, AFTER))


def test_the_options_show_no_secret(receiver: Receiver) -> None:
    assert SECRET not in repr(
        KIND.options.model_validate({"url": f"{receiver.origin}/hook/{SECRET}", "secret": SECRET})
    )


def test_what_replaces_everything_says_so(receiver: Receiver) -> None:
    for before in (None, BEFORE):
        sink(receiver, with_state=True).publish(made_delivery(before, AFTER, 2))
    assert [one["whole"] for one in receiver.bodies()] == [True, False]


def test_one_key_has_one_content(receiver: Receiver) -> None:
    for before in (None, BEFORE):
        for rows in (2, 1000):
            sink(receiver, with_state=True, page_rows=rows).publish(made_delivery(before, AFTER, 2))
    keys = [headers["Idempotency-Key"] for headers, _ in receiver.posts]
    assert len(set(keys)) == len(keys)
    sink(receiver, with_state=True).publish(made_delivery(None, AFTER, 2))
    assert receiver.posts[-1][0]["Idempotency-Key"] in keys


def test_a_name_means_nothing_to_slack(receiver: Receiver) -> None:
    named = state(schemas=[schema()], tables=[table("<!channel> & <https://evil|x>", "9")])
    sink(receiver, format="slack").publish(made_delivery(BEFORE, named, 2))
    text = json.loads(receiver.posts[0][1])["text"]
    assert "CREATED shop.public.&lt;!channel&gt; &amp; &lt;https://evil|x&gt;" in text
    assert "<" not in text


def test_slack_is_not_told_what_follows_by_itself(receiver: Receiver) -> None:
    wider = state(
        databases=[database()],
        schemas=[schema()],
        tables=[table("item", "1")],
        columns=[column("item", name, n) for n, name in enumerate(("id", "label", "more"), 1)],
    )
    sink(receiver, format="slack").publish(made_delivery(BEFORE, wider, 2))
    lines = json.loads(receiver.posts[0][1])["text"].splitlines()
    assert lines[0].endswith("version 2: tables 1 UPDATED; columns 1 CREATED")
    assert lines[1:] == ["CREATED shop.public.item.more"]
