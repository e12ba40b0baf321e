"""Posting to somebody's server, and what its answers mean. What is posted is each kind's matter.

No message has the address, a header or the client's own words: any of them may hold a secret.
"""

from collections.abc import Mapping

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

    try:
        answer = requests.post(
            url,
            data=body,
            headers=dict(headers),
            timeout=timeout,
            # What is signed, and a token, are for this address alone.
            allow_redirects=False,
        )
    except requests.Timeout:
        raise SinkUnavailable(f"There was no answer within {timeout:g} s.") from None
    except requests.ConnectionError:
        raise SinkUnavailable(UNREACHED) from None
    except requests.RequestException as error:
        raise SinkRefused(f"It cannot be posted there: {type(error).__name__}.") from None
    _judge(answer.status_code, answer.headers.get("Retry-After"))


def _judge(status: int, retry_after: str | None) -> None:
    if status // 100 == 2:
        return
    if status in AGAIN or status >= 500:
        told = retry_after if retry_after and retry_after.isdigit() else None
        later = f" It asks for {told} s of patience." if told else ""
        raise SinkUnavailable(f"It answered {status}.{later}")
    if status in (401, 403):
        raise SinkRefused(f"It answered {status}: set another secret, or another header.")
    raise SinkRefused(f"It answered {status}: see its own log, and the url of the sink.")
