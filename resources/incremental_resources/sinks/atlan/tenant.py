"""Entities straight to a tenant, through Atlan's own client (extra ``atlan``).

What they hold is in ``entities``.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

from incremental_resources.sinks.errors import SinkRefused, SinkUnavailable
from incremental_resources.sinks.http import judge, silent, unreached

# Assets in one request; Atlan's own packages take 20 to 50.
BATCH = 50
# Beside those of the step.
RETRIES = 1
PASSING = (429, 500, 502, 503, 504)
Entity = Mapping[str, Any]


class Tenant:
    """A tenant of Atlan. Users' tags and custom metadata of its assets stay as they are."""

    def __init__(self, url: str, api_key: str, timeout: float) -> None:
        from httpx_retries import Retry
        from pyatlan.client.atlan import AtlanClient

        self._url = url
        self._timeout = timeout
        retry = Retry(
            total=RETRIES,
            backoff_factor=1,
            status_forcelist=PASSING,
            allowed_methods=["GET", "POST", "DELETE"],
        )
        client: Any = AtlanClient
        self._client = client(
            base_url=url,
            api_key=api_key,
            read_timeout=timeout,
            connect_timeout=timeout,
            retry=retry,
        )

    def put(self, entities: Iterable[Entity]) -> int:
        """Save all of them in their order; how many they were.

        Raises:
            SinkUnavailable: no answer, or one that asks to come later.
            SinkRefused: any other answer.
        """
        from pyatlan.model.assets import Asset
        from pyatlan.model.core import BulkRequest

        as_assets: Any = BulkRequest[Asset]
        count, rest = 0, iter(entities)
        with self._told():
            while batch := list(islice(rest, BATCH)):
                self._client.asset.save(as_assets(entities=batch).entities)
                count += len(batch)
        return count

    def archive(self, removed: Iterable[Entity]) -> int:
        """Archive those of them that are there: ``typeName``, ``qualifiedName``; how many were.

        Raises:
            SinkUnavailable: no answer, or one that asks to come later.
            SinkRefused: any other answer.
        """
        count = 0
        with self._told():
            guids = self._active(removed)
            while batch := list(islice(guids, BATCH)):
                self._client.asset.delete_by_guid(batch)
                count += len(batch)
        return count

    def _active(self, removed: Iterable[Entity]) -> Iterator[str]:
        """What the tenant calls them; without those that it has not, or not any more."""
        from pyatlan.errors import NotFoundError
        from pyatlan.model import assets
        from pyatlan.model.enums import EntityStatus

        for one in removed:
            try:
                found = self._client.asset.get_by_qualified_name(
                    one["qualifiedName"], getattr(assets, one["typeName"]), min_ext_info=True
                )
            except NotFoundError:
                continue
            if found.guid and found.status != EntityStatus.DELETED:
                yield found.guid

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the client raises, as the error of a sink."""
        import httpx
        from pyatlan.errors import AtlanError

        try:
            yield
        except AtlanError as error:
            judge(error.error_code.http_error_code)
            raise SinkRefused(f"Its client says: {type(error).__name__}.") from None
        except httpx.TimeoutException:
            raise silent(self._timeout) from None
        except httpx.TransportError as error:
            raise unreached(self._url, error) from None
        except TypeError:
            # The client makes no error of 503, and stumbles over the answer that it has not.
            raise SinkUnavailable("It answered 503.") from None
