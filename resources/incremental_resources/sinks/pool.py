"""The sinks of all connections, each made when it is first delivered to."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field

from incremental_resources.sinks.delivery import Sink


@dataclass(frozen=True)
class ConfiguredSink:
    """A sink that is not made yet: ``make`` may import heavy clients, and connects to nothing.

    ``secrets`` are its texts that nobody may read in a message. ``had``: the identities of all
    versions that it has, for one that goes on from any of them; without it a sink is only known to
    have what its cursor names. ``place``: its kind, with a hash of what its settings say of
    where it is; at another place it is a new sink. ``configured``: by a file, which the command
    line reads too.
    """

    name: str
    kind: str
    make: Callable[[], Sink]
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    had: Callable[[], Container[str]] | None = None
    place: str | None = None
    configured: bool = False


class Sinks:
    """The sinks of connections by the connections' names."""

    def __init__(self, configured: Mapping[str, Sequence[ConfiguredSink]]) -> None:
        self._configured = configured

    def __getitem__(self, connection: str) -> Sequence[ConfiguredSink]:
        return self._configured.get(connection, ())
