"""Events to a server, through the transport of OpenLineage's own client (extra ``openlineage``).

What they hold is in ``events``.
"""

from collections.abc import Iterable
from typing import Any, cast

from incremental_resources.sinks.http import as_it_is, told_as_of_a_server

# Beside those of the step. Of an answer that does not change, the last one is looked at.
RETRIES = {"total": 2, "connect": 1, "read": 1, "raise_on_status": False}


def send(events: Iterable[dict[str, Any]], url: str, api_key: str | None, timeout: float) -> int:
    """Send all events in their order; each was taken when this returns. How many they were.

    Raises:
        SinkUnavailable: no answer, or one that asks to come later.
        SinkRefused: any other answer.
    """
    import requests
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    session = requests.Session()
    # A key is for this address alone, and what is answered elsewhere says nothing.
    session.max_redirects = 0
    session.auth = as_it_is
    auth = {"auth": {"type": "api_key", "apiKey": api_key}} if api_key else {}
    # What comes before the endpoint counts only where it ends with a slash.
    given = {"url": f"{url.rstrip('/')}/", "timeout": timeout, "retry": RETRIES, **auth}
    # Not the client around it: variables of the environment could make that one drop events.
    transport = HttpTransport(HttpConfig.from_dict(given))
    transport.session = session
    count = 0
    try:
        with told_as_of_a_server(url, timeout):
            for event in events:
                # It makes such a dictionary of its own classes, and takes one as well.
                transport.emit(cast(Any, event))
                count += 1
    finally:
        transport.close()
    return count
