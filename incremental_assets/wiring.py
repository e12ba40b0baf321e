"""Which configuration is in force, and from it the plain objects that touch the world."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from incremental_assets.config.connection import Connection
from incremental_assets.config.errors import ConfigError
from incremental_assets.config.loading import demo_config, find_config, load_config
from incremental_assets.config.model import Config
from incremental_assets.config.sinks import SinkConfig, kind_of
from incremental_assets.config.state import S3
from incremental_assets.instance.home import locate_home
from incremental_assets.steps.watch import breaks_of
from incremental_resources.demo.server import DemoServer
from incremental_resources.demo.shop import create_shop
from incremental_resources.sinks.delivery import Delivery, Sink
from incremental_resources.sinks.kinds import Place
from incremental_resources.sinks.pool import ConfiguredSink
from incremental_resources.source.source import Source
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.resource import open_s3
from incremental_resources.state_store.store import StateStore

NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")


def current_config(
    explicit: str | None = None, *, connecting: bool = True, publishing: bool | str | None = None
) -> Config:
    """The configuration in force here; without a file, the demo's.

    A command that is not ``connecting`` reads only state: it needs no address of a source, and,
    unless it is ``publishing``, no options of sinks (or only those of the kind of that name).

    Raises:
        ConfigError: the file cannot be used.
    """
    found = find_config(explicit, os.environ, Path.cwd())
    if found:
        return load_config(found, connecting=connecting, publishing=publishing)
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


def configured_sinks(
    config: Config, own: Mapping[str, Sequence[Sink]] | None = None
) -> dict[str, list[ConfiguredSink]]:
    """The sinks by connection: those of the configuration, then one's ``own``; nothing connects.

    Raises:
        ConfigError: ``own`` names a connection that is not there, or two sinks have one name.
    """
    found = {one.name: [_configured(one, sink) for sink in one.sinks] for one in config.connections}
    for connection, sinks in (own or {}).items():
        listed = found[config.connection(connection).name]
        for sink in sinks:
            name = getattr(sink, "name", None)
            if not isinstance(name, str) or NAME.fullmatch(name) is None:
                raise ConfigError(
                    f"The sink {sink!r} of {connection} has no name that can be used; allowed: "
                    "small letters, digits and underscores, a letter first."
                )
            if name in (one.name for one in listed):
                raise ConfigError(
                    f"Two sinks of {connection} are called {name}; give each a name of its own."
                )
            listed.append(ConfiguredSink(name, type(sink).__name__, partial(_itself, sink)))
    return found


def _itself(sink: Sink) -> Sink:
    return sink


def _configured(connection: Connection, sink: SinkConfig) -> ConfiguredSink:
    def make() -> Sink:
        place = Place(sink.sink_name, connection.name, connection.dialect().name)
        made: Sink = kind_of(sink.kind).make(sink.options, place)
        return made

    return ConfiguredSink(
        sink.sink_name, sink.kind, make, sink.secrets(), place=sink.place, configured=True
    )


def snapshot_writer(
    config: Config, connection: str, kind: str, name: str | None
) -> Callable[[Delivery, BinaryIO], None]:
    """What writes a version as a new sink of this kind gets it, with the settings of a configured
    sink, which may be named, or the kind's own where there is none.

    Raises:
        ConfigError: there is no such sink, there are several, or the kind has no such stream.
    """
    known = config.connection(connection)
    fitting = [one for one in known.sinks if one.kind == kind and name in (None, one.sink_name)]
    if name and not fitting:
        raise ConfigError(f"{connection} has no sink {name} of the kind {kind}.")
    if len(fitting) > 1:
        names = ", ".join(one.sink_name for one in fitting)
        raise ConfigError(f"{connection} has several sinks of the kind {kind}: {names}. Name one.")
    found = kind_of(kind)
    write = found.write_snapshot
    if write is None:
        raise ConfigError(f"A sink of the kind {kind} gets no single stream.")
    # What it would need to be put somewhere is not needed here.
    options = fitting[0].options if fitting else found.options.model_construct(path=".")
    place = Place(name or kind, connection, known.dialect().name)
    return lambda delivery, stream: write(delivery, options, place, stream)


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
