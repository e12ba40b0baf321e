"""What the change sensor remembers between two looks, as text in Dagster's cursor.

It may tell that nothing changed and nothing else; one that is lost, old or somebody's own is none.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Self

from incremental_resources.source.probes import ProbeReading

# PostgreSQL counts a session's writes only once it is in no transaction, and not those of a session
# that was told not to count. They stay unseen for no longer than this.
LONGEST = timedelta(minutes=5)


@dataclass
class ProbeCache:
    """The probes of the databases, none of them from before ``since``."""

    since: datetime
    probes: Mapping[str, ProbeReading] = field(default_factory=dict)

    @classmethod
    def of(cls, cursor: str | None, now: datetime, next_look: timedelta) -> Self:
        """What ``cursor`` says, or nothing; after ``next_look`` it must not be too old yet."""
        try:
            told = json.loads(cursor or "")
            since = datetime.fromisoformat(told["since"])
            probes = {name: ProbeReading(**probed) for name, probed in told["probes"].items()}
            fresh = timedelta() <= now - since <= LONGEST - next_look
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return cls(now)
        return cls(since, probes) if fresh else cls(now)

    def cursor(self) -> str:
        """As ``of`` reads it."""
        probes = {name: asdict(probed) for name, probed in self.probes.items()}
        return json.dumps({"since": self.since.isoformat(), "probes": probes})
