"""Talking to somebody's server, and what its answers mean. What is said is each kind's matter.

No message has more of the address than its host, nor a header or the client's own words: any of
them may hold a secret.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from incremental_resources.sinks.addresses import origin_of
from incremental_resources.sinks.errors import SinkRefused, SinkUnavailable

AGAIN = frozenset({408, 425, 429})
# What is in the names and words of clients' errors, and what it means.
SIGNS = (
    ("CERTIFICATE_VERIFY_FAILED", "its certificate is not trusted here"),
    ("NameResolution", "nobody knows the name"),
    ("gaierror", "nobody knows the name"),
    ("Name or service not known", "nobody knows the name"),
    ("SSL", "what answers there does not speak TLS as it should"),
    ("ConnectionRefused", "nothing listens there"),
    ("Connection refused", "nothing listens there"),
    ("timed out", "no answer"),
    ("RemoteDisconnected", "it was closed without an answer"),
    ("disconnected without", "it was closed without an answer"),
)


def post(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> None:
    """Post it; what is answered with 2xx was taken.

    Raises:
        SinkUnavailable: silence, a broken connection, 408, 425, 429 or 5xx.
        SinkRefused: any other answer.
    """
    import requests

    with (
        told_as_of_a_server(url, timeout),
        requests.post(
            url,
            data=body,
            headers=dict(headers),
            timeout=timeout,
            # What is signed, and a token, are for this address alone.
            allow_redirects=False,
            auth=as_it_is,
            # The body of an answer may be of any size; nobody reads it.
            stream=True,
        ) as answer,
    ):
        judge(answer.status_code, answer.headers.get("Retry-After"))


def reach(url: str, timeout: float) -> str:
    """See that somebody answers there, whatever it is. Raises SinkUnavailable, SinkRefused."""
    import requests

    with (
        told_as_of_a_server(url, timeout),
        requests.options(url, timeout=timeout, allow_redirects=False, auth=as_it_is, stream=True),
    ):
        return f"{origin_of(url)} answers"


def as_it_is(request: Any) -> Any:
    """Authentication that leaves a request alone: else ~/.netrc would replace its header."""
    return request


@contextmanager
def told_as_of_a_server(url: str, timeout: float) -> Iterator[None]:
    """What `requests` raises, as the error of a sink; ``timeout``: after so many seconds."""
    import requests

    try:
        yield
    except requests.HTTPError as error:
        if error.response is not None:
            judge(error.response.status_code, error.response.headers.get("Retry-After"))
        raise
    except requests.Timeout:
        raise silent(timeout) from None
    except requests.ConnectionError as error:
        raise unreached(url, error) from None
    except requests.TooManyRedirects:
        raise SinkRefused("It sends elsewhere: set the address where that leads.") from None
    except requests.RequestException as error:
        raise SinkRefused(f"It cannot be posted there: {type(error).__name__}.") from None


def unreached(url: str, error: BaseException) -> SinkUnavailable:
    """No connection could be made, or it broke: where, and why as far as that is known.

    Of the error itself nothing is repeated: it may have the whole address.
    """
    chain = " ".join(type(one).__name__ + str(one) for one in _causes(error))
    why = next((words for sign, words in SIGNS if sign in chain), "it broke")
    return SinkUnavailable(
        f"No connection to {origin_of(url)}: {why}. See that it answers from this machine."
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it, also where a client only hands it on as an argument."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            reason = getattr(one, "reason", None)
            waiting += [*one.args, one.__cause__, one.__context__, reason]


def silent(timeout: float) -> SinkUnavailable:
    """There was no answer for so many seconds."""
    return SinkUnavailable(f"There was no answer within {timeout:g} s.")


def judge(status: int, retry_after: str | None = None) -> None:
    """Raise what an answer with this status means; nothing for 2xx.

    Raises:
        SinkUnavailable: 408, 425, 429 or 5xx.
        SinkRefused: any other answer.
    """
    if status // 100 == 2:
        return
    if status in AGAIN or status >= 500:
        told = retry_after if retry_after and retry_after.isdigit() else None
        later = f" It asks for {told} s of patience." if told else ""
        raise SinkUnavailable(f"It answered {status}.{later}") from None
    if status in (401, 403):
        raise SinkRefused(
            f"It answered {status}: it wants another token, or other rights."
        ) from None
    if status // 100 == 3:
        told = f"It answered {status}, which sends elsewhere: set the address where that leads."
        raise SinkRefused(told) from None
    raise SinkRefused(f"It answered {status}: see its own log, and the url of the sink.") from None
