"""Which connections and versions a command is about. Nothing here writes or connects."""

from incremental_assets.config import Config, Connection
from incremental_assets.wiring import open_objects
from resources.state_store.errors import VersionMissing
from resources.state_store.store import StateStore
from resources.state_store.version import Version


def chosen(config: Config, name: str | None) -> tuple[Connection, ...]:
    """The named connection, or all of them.

    Raises:
        ConfigError: there is no such connection; the message has those there are.
    """
    return config.connections if name is None else (config.connection(name),)


def store_of(config: Config, name: str) -> StateStore:
    """The state of a connection that the configuration has.

    Raises:
        ConfigError: there is no such connection.
    """
    return StateStore(open_objects(config), config.connection(name).name)


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
