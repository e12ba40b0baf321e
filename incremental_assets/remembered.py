"""What the change sensor remembers between two looks, as text in Dagster's cursor.

It spares probes and decides nothing: a cursor that is lost, old or somebody's own is no cursor.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Self

from resources.source.probes import Probed

# A source may count no writes of a session that its owner told not to; not for longer than this.
LONGEST = timedelta(minutes=10)


@dataclass
class Remembered:
    """The probes of the databases, none of them from before ``since``."""

    since: datetime
    probes: Mapping[str, Probed] = field(default_factory=dict)

    @classmethod
    def of(cls, cursor: str | None, now: datetime) -> Self:
        """What ``cursor`` says, or nothing."""
        try:
            told = json.loads(cursor or "")
            since = datetime.fromisoformat(told["since"])
            probes = {name: Probed(**probed) for name, probed in told["probes"].items()}
            fresh = timedelta() <= now - since < LONGEST
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls(now)
        return cls(since, probes) if fresh else cls(now)

    def cursor(self) -> str:
        """As ``of`` reads it."""
        probes = {name: asdict(probed) for name, probed in self.probes.items()}
        return json.dumps({"since": self.since.isoformat(), "probes": probes})
