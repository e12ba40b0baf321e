"""The names by which DataHub knows databases, schemas, tables and columns.

Containers are named as the keys of DataHub's own sources name them (``DatabaseKey``, ``SchemaKey``
of its SDK), so that what another ingestion wrote is the same container.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

# What a urn reserves, and what would make two names of one: dots join the parts of a name.
RESERVED = frozenset(",()␟%.")
PLATFORMS = {"postgresql": "postgres"}


@dataclass(frozen=True)
class Namer:
    """Makes the urns of one connection.

    ``platform`` is DataHub's name of the product; ``instance`` tells servers of it apart. Where
    ``is_one_level``, names are those of a schema, which DataHub takes for a database, and a table.
    """

    platform: str
    env: str
    instance: str | None = None
    is_one_level: bool = False

    @property
    def platform_urn(self) -> str:
        """Of the product."""
        return f"urn:li:dataPlatform:{self.platform}"

    @property
    def instance_urn(self) -> str | None:
        """Of the server; None where servers are not told apart."""
        if self.instance is None:
            return None
        return f"urn:li:dataPlatformInstance:({self.platform_urn},{_encoded(self.instance)})"

    def levels(self, names: Sequence[str]) -> tuple[str, ...]:
        """The names that DataHub knows of database, schema, table; fewer names, fewer levels."""
        return tuple(names[1:] if self.is_one_level else names)

    def dataset(self, database: str, schema: str, table: str) -> str:
        """Of a table or view. A reserved character, a dot in a name too, is written as %hex."""
        levels = self.levels((database, schema, table))
        parts = [*([self.instance] if self.instance else []), *levels]
        name = ".".join(map(_encoded, parts))
        return f"urn:li:dataset:({self.platform_urn},{name},{self.env})"

    def field(self, dataset: str, column: str) -> str:
        """Of a column."""
        return f"urn:li:schemaField:({dataset},{_encoded(column, ',()␟')})"

    def container(self, names: Sequence[str]) -> str:
        """Of a database, or of a schema (two names)."""
        levels = self.levels(names)
        key = {"platform": self.platform, **dict(zip(("database", "schema"), levels, strict=False))}
        if self.instance:
            key["instance"] = self.instance
        text = json.dumps(key, separators=(",", ":"), sort_keys=True)
        return f"urn:li:container:{hashlib.md5(text.encode()).hexdigest()}"


def _encoded(name: str, reserved: str | frozenset[str] = RESERVED) -> str:
    return "".join(_hex(char) if char in reserved else char for char in name)


def _hex(char: str) -> str:
    return "%2E" if char == "." else quote(char)
