"""Which server answers, how far it has got and since when it runs; and holding to one.

An address may lead to several servers: a balancer in front of a primary and its standbys, say.
What two sessions say belongs together only if the second one's server is the first one's, and not
behind what the first one saw.
"""

import threading
from collections.abc import Mapping
from copy import copy
from typing import Any

from incremental_resources.source.errors import SourceUnavailable

# Prefixes of columns of identity.sql; a column without one tells servers apart.
POSITION, RESTART = "position_", "restart_"

Facts = dict[str, Any]


def facts_of(row: Mapping[str, Any]) -> Facts:
    """The row of identity.sql in its groups; ``restart`` only where the product tells."""
    identity: dict[str, Any] = {}
    position: dict[str, Any] = {}
    restart: dict[str, Any] = {}
    for name, value in row.items():
        if name.startswith(POSITION):
            if value is not None:
                position[name.removeprefix(POSITION)] = int(value)
        elif name.startswith(RESTART):
            restart[name.removeprefix(RESTART)] = str(value)
        else:
            identity[name] = str(value)
    facts: Facts = {"identity": identity, "position": position}
    return facts | ({"restart": restart} if restart else {})


class Pin:
    """The server that somebody began to read, and the furthest that any session saw it.

    Safe to use from threads.
    """

    def __init__(self, known: Mapping[str, Any]) -> None:
        self._known = {name: copy(known[name]) for name in known if name != "position"}
        self._furthest = dict(known.get("position", {}))
        self._seen_furthest: Mapping[str, Any] | None = None
        self._several_starts = False
        self._lock = threading.Lock()

    @property
    def reached(self) -> Facts:
        """What it was pinned to, with the furthest position; without ``restart`` once another start
        of the server has answered."""
        with self._lock:
            known = {**self._known, "position": dict(self._furthest)}
            if self._several_starts:
                known.pop("restart", None)
            return known

    @property
    def grants(self) -> list[str] | None:
        """What the role was allowed when it was pinned; None where that was not asked."""
        return self._known.get("grants")

    def granted(self, found: list[str] | None) -> None:
        """Let what was read count, if the role was allowed the same then.

        Raises:
            SourceUnavailable: it was not, so that what is missing may only be hidden.
        """
        if found != self.grants:
            raise SourceUnavailable(
                "the role's grants were changed while it read, so that what is missing may only be "
                "hidden. Refresh again."
            )

    def passed(self, found: Facts) -> bool:
        """Let a session go on whose server says ``found``, and remember how far it is.

        False: its transaction may have begun before its server was that far. What is seen in the
        next one, if it is let go on too, is not behind. A server that runs on without a restart
        never shows less than it showed before.

        Raises:
            SourceUnavailable: it is another server, or behind (then ``soon``).
        """
        expected = self._known["identity"]
        if found["identity"] != expected:
            raise SourceUnavailable(
                f"another server answers: {found['identity']} instead of {expected}, where this "
                "extraction began. Let the address lead to one server, then refresh again."
            )
        restart = found.get("restart")
        with self._lock:
            if behind := self._behind(found["position"]):
                raise SourceUnavailable(
                    f"the server that answers is behind the one that this extraction has read: "
                    f"{behind}. It is a standby that lags, or whose replay is paused. Let the "
                    "address lead to one server, or the standby catch up, then refresh again.",
                    soon=True,
                )
            # Restarted meanwhile, or another copy of the same files.
            self._several_starts |= restart != self._known.get("restart")
            same = restart is not None and restart == self._seen_furthest
            self._furthest.update(found["position"])
            self._seen_furthest = restart
            return same

    def _behind(self, position: Mapping[str, int]) -> str:
        return ", ".join(
            f"{name} is {position[name]}, {reached - position[name]} short of {reached}"
            if name in position
            else f"{name} is unknown instead of {reached}"
            for name, reached in self._furthest.items()
            if name not in position or position[name] < reached
        )
