"""The sources of all connections, each opened when it is first asked for."""

from collections.abc import Callable, Mapping

from incremental_resources.source.source import Source


class Sources:
    """Sources by connection name."""

    def __init__(self, makers: Mapping[str, Callable[[], Source]]) -> None:
        self._makers = dict(makers)
        self._open: dict[str, Source] = {}

    def __getitem__(self, connection: str) -> Source:
        if connection not in self._open:
            self._open[connection] = self._makers[connection]()
        return self._open[connection]

    def close(self) -> None:
        """Close what was opened; asking again opens it anew."""
        opened, self._open = self._open, {}
        for source in opened.values():
            source.close()
