"""Which connections and versions a command is about. Nothing here writes or connects."""

from incremental_assets.config.connection import Connection
from incremental_assets.config.model import Config
from incremental_resources.state_store.errors import VersionMissing
from incremental_resources.state_store.store import StateStore
from incremental_resources.state_store.version import Version


def chosen(config: Config, name: str | None) -> tuple[Connection, ...]:
    """The named connection, or all of them.

    Raises:
        ConfigError: there is no such connection; the message has those there are.
    """
    return config.connections if name is None else (config.connection(name),)


def version_of(store: StateStore, number: int | None) -> Version:
    """The version of that number, or the current one.

    Raises:
        VersionMissing: there is none; the message says which there are.
    """
    if number is not None:
        return store.find(number)
    version = store.current()
    if version is None:
        raise VersionMissing(
            f"{store.connection} has no version yet. "
            f"Run `incremental-assets refresh {store.connection}` first."
        )
    return version
