"""Which configuration is in force, and from it the plain objects that touch the world."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from incremental_assets.config.connection import Connection
from incremental_assets.config.loading import demo_config, find_config, load_config
from incremental_assets.config.model import Config
from incremental_assets.config.state import S3
from incremental_assets.instance.home import locate_home
from incremental_assets.steps.watch import breaks_of
from incremental_resources.demo.server import DemoServer
from incremental_resources.demo.shop import create_shop
from incremental_resources.source.source import Source
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.resource import open_s3
from incremental_resources.state_store.store import StateStore


def current_config(explicit: str | None = None, *, connecting: bool = True) -> Config:
    """The configuration in force here; without a file, the demo's.

    A command that is not ``connecting`` reads only state: it needs no address of a source.

    Raises:
        ConfigError: the file cannot be used.
    """
    found = find_config(explicit, os.environ, Path.cwd())
    if found:
        return load_config(found, connecting=connecting)
    return demo_config(locate_home(os.environ, Path.cwd()).demo)


def source_makers(config: Config) -> dict[str, Callable[[], Source]]:
    """A function per connection that opens its source; nothing connects before it is called."""
    return {
        connection.name: lambda connection=connection: open_source(config, connection)
        for connection in config.connections
    }


def open_source(config: Config, connection: Connection) -> Source:
    """The source of one connection; the demo's own server starts if it is not running."""
    return Source(
        _demo_url(config.base) if connection.embedded else connection.address,
        connection.dialect(),
        connection.scope(),
        statement_timeout_seconds=connection.options.statement_timeout_seconds,
        name=connection.name,
        max_sessions=connection.options.sessions,
    )


def _demo_url(home: Path) -> str:
    url = DemoServer(home).url()
    create_shop(url)
    return url


def open_objects(config: Config) -> ObjectStore:
    """The store that the configuration's ``state`` names; nothing connects before it is used.

    Raises:
        StoreUnavailable: the AWS configuration cannot be used.
    """
    if config.state.startswith(S3):
        return open_s3(config.state.removeprefix(S3), **config.s3.plain())
    return LocalObjects(Path(config.state))


def open_state(config: Config, connection: str) -> StateStore:
    """The state of a connection that the configuration has.

    Raises:
        ConfigError: there is no such connection.
        StoreUnavailable: the AWS configuration cannot be used.
    """
    return StateStore(open_objects(config), config.connection(connection).name)


def failing_rules(config: Config, connection: str) -> list[dict[str, Any]]:
    """The watch rules of a connection that failed when they were last evaluated.

    Each is ``rule``, ``severity`` and ``breaks``: a list of ``kind``, ``object``, ``what``,
    ``since_version`` and ``since``.

    Raises:
        ConfigError: there is no such connection.
        StoreUnavailable: the store does not answer.
    """
    return breaks_of(config.connection(connection), open_state(config, connection))
