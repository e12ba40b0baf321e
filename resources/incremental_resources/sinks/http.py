"""Talking to somebody's server, and what its answers mean. What is said is each kind's matter.

No message has the address, a header or the client's own words: any of them may hold a secret.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from incremental_resources.sinks.errors import SinkRefused, SinkUnavailable

AGAIN = frozenset({408, 425, 429})
UNREACHED = (
    "No connection can be made, or it broke. See that its address answers from this machine."
)


def post(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> None:
    """Post it; what is answered with 2xx was taken.

    Raises:
        SinkUnavailable: silence, a broken connection, 408, 425, 429 or 5xx.
        SinkRefused: any other answer.
    """
    import requests

    with told_as_of_a_server(timeout):
        answer = requests.post(
            url,
            data=body,
            headers=dict(headers),
            timeout=timeout,
            # What is signed, and a token, are for this address alone.
            allow_redirects=False,
        )
    judge(answer.status_code, answer.headers.get("Retry-After"))


@contextmanager
def told_as_of_a_server(timeout: float) -> Iterator[None]:
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
    except requests.ConnectionError:
        raise SinkUnavailable(UNREACHED) from None
    except requests.TooManyRedirects:
        raise SinkRefused("It sends elsewhere: set the address where that leads.") from None
    except requests.RequestException as error:
        raise SinkRefused(f"It cannot be posted there: {type(error).__name__}.") from None


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
        raise SinkRefused(f"It answered {status}: set another secret, or another header.") from None
    raise SinkRefused(f"It answered {status}: see its own log, and the url of the sink.") from None
