"""The Dagster asset graph of incremental-assets: the names for those who build on it.

They are looked up when they are asked for, so that importing the package costs nothing; all else
is imported from where it is defined. Start reading at ``definitions.py``. What touches the outside
world lives in ``incremental_resources``.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from incremental_assets.build import build_definitions
    from incremental_assets.component import SqlCatalog
    from incremental_assets.config.connection import Connection
    from incremental_assets.config.errors import ConfigError
    from incremental_assets.config.loading import load_config
    from incremental_assets.config.model import Config
    from incremental_assets.config.options import Lineage, Options
    from incremental_assets.config.watch import WatchRule
    from incremental_assets.lineage.translating import SourceTable, TableTranslator
    from incremental_assets.steps.failures import message_of
    from incremental_assets.wiring import failing_rules, open_state
    from incremental_resources.errors import ResourceError
    from incremental_resources.sinks.delivery import Delivery, Sink
    from incremental_resources.sinks.errors import SinkRefused, SinkUnavailable
    from incremental_resources.sinks.kinds import Place, SinkKind, SinkOptions
    from incremental_resources.source.dialect import Dialect, dialect_for
    from incremental_resources.source.errors import (
        AccessDenied,
        CapabilityMissing,
        QueryFailed,
        SchemaDrift,
        SourceUnavailable,
    )

PUBLIC = {
    # A code location of one's own.
    "build_definitions": "incremental_assets.build",
    "SqlCatalog": "incremental_assets.component",
    "Config": "incremental_assets.config.model",
    "Connection": "incremental_assets.config.connection",
    "Options": "incremental_assets.config.options",
    "Lineage": "incremental_assets.config.options",
    "WatchRule": "incremental_assets.config.watch",
    "TableTranslator": "incremental_assets.lineage.translating",
    "SourceTable": "incremental_assets.lineage.translating",
    "load_config": "incremental_assets.config.loading",
    "ConfigError": "incremental_assets.config.errors",
    "message_of": "incremental_assets.steps.failures",
    # Reading a state, for a sink say.
    "open_state": "incremental_assets.wiring",
    "failing_rules": "incremental_assets.wiring",
    # A sink of one's own.
    "Delivery": "incremental_resources.sinks.delivery",
    "Sink": "incremental_resources.sinks.delivery",
    "SinkUnavailable": "incremental_resources.sinks.errors",
    "SinkRefused": "incremental_resources.sinks.errors",
    "SinkKind": "incremental_resources.sinks.kinds",
    "SinkOptions": "incremental_resources.sinks.kinds",
    "Place": "incremental_resources.sinks.kinds",
    # A dialect of one's own.
    "Dialect": "incremental_resources.source.dialect",
    "dialect_for": "incremental_resources.source.dialect",
    "ResourceError": "incremental_resources.errors",
    "AccessDenied": "incremental_resources.source.errors",
    "CapabilityMissing": "incremental_resources.source.errors",
    "QueryFailed": "incremental_resources.source.errors",
    "SchemaDrift": "incremental_resources.source.errors",
    "SourceUnavailable": "incremental_resources.source.errors",
}

__all__ = [
    "AccessDenied",
    "CapabilityMissing",
    "Config",
    "ConfigError",
    "Connection",
    "Delivery",
    "Dialect",
    "Lineage",
    "Options",
    "Place",
    "QueryFailed",
    "ResourceError",
    "SchemaDrift",
    "Sink",
    "SinkKind",
    "SinkOptions",
    "SinkRefused",
    "SinkUnavailable",
    "SourceTable",
    "SourceUnavailable",
    "SqlCatalog",
    "TableTranslator",
    "WatchRule",
    "build_definitions",
    "dialect_for",
    "failing_rules",
    "load_config",
    "message_of",
    "open_state",
]


def __getattr__(name: str) -> object:
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(PUBLIC[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *PUBLIC]
