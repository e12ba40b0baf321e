"""While ``ui`` runs: the code location is loaded again when connections show other tables.

Tables become assets when definitions load. A reload starts another code server; runs that are going
on keep theirs.
"""

import json
import logging
import time
from urllib.request import Request, urlopen

from incremental_assets.config.connection import Connection
from incremental_assets.config.model import Config
from incremental_assets.core.entities import TABLES
from incremental_assets.lineage.table_assets import shown_tables
from incremental_assets.naming import LOCATION
from incremental_assets.steps.stored import scan_of
from incremental_assets.wiring import open_state
from incremental_resources.errors import ResourceError

LOG = logging.getLogger(__name__)
LOOK_SECONDS = 5.0
MUTATION = """
mutation Reload($location: String!) {
  reloadRepositoryLocation(repositoryLocationName: $location) { __typename }
}
"""
Tables = frozenset[tuple[str, ...]]


class ShownTables:
    """The tables that the connections show as assets, read anew only after a commit."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._showing = [one for one in config.connections if one.lineage is not None]
        self._seen: dict[str, tuple[int, Tables]] = {}

    def __bool__(self) -> bool:
        return bool(self._showing)

    def now(self) -> Tables:
        """Connection, database, schema, table of each; a state that cannot be read is as before."""
        return frozenset().union(*(self._of(one) for one in self._showing))

    def _of(self, connection: Connection) -> Tables:
        number, known = self._seen.get(connection.name, (0, frozenset()))
        try:
            store = open_state(self._config, connection.name)
            head = store.head()
            if head and head.head.version != number and connection.lineage:
                tables = scan_of(store.version(head.head.ref), TABLES).collect()
                rows = shown_tables(connection.lineage, tables).select(TABLES.key).rows()
                known = frozenset((connection.name, *row) for row in rows)
                self._seen[connection.name] = (head.head.version, known)
        except ResourceError as error:
            LOG.debug("The state of %s could not be read: %s", connection.name, error)
        return known


def keep_loaded(url: str, config: Config) -> None:
    """Look at the states as long as this process lives; ``url`` is the webserver's."""
    shown = ShownTables(config)
    if not shown:
        return
    loaded = shown.now()
    while True:
        time.sleep(LOOK_SECONDS)
        now = shown.now()
        if now != loaded and reload(url):
            loaded = now


def reload(url: str) -> bool:
    """Whether the webserver took the request to load the location again."""
    content = json.dumps({"query": MUTATION, "variables": {"location": LOCATION}}).encode()
    request = Request(f"{url}/graphql", content, {"Content-Type": "application/json"})  # noqa: S310
    try:
        with urlopen(request, timeout=120) as answer:  # noqa: S310
            told = json.load(answer)["data"]["reloadRepositoryLocation"]["__typename"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        LOG.debug("The code location was not loaded again: %s", error)
        return False
    return bool(told == "WorkspaceLocationEntry")
