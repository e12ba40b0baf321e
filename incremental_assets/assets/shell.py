"""What every asset of a connection has in common: key, group, owners, retries, plain failures."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg

from incremental_assets.assets.resource_keys import with_resources_of
from incremental_assets.config.connection import Connection
from incremental_assets.naming import CONNECTION_TAG
from incremental_assets.steps.failures import failing_with_our_message, retries


def connection_asset(
    connection: Connection, *, after: Sequence[str], description: str, **more: Any
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """An asset [connection, name of the function], downstream of ``after``."""

    def decorate(body: Callable[..., Any]) -> dg.AssetsDefinition:
        with warnings.catch_warnings():
            # Backfill policies are marked as beta in Dagster 1.13.
            warnings.simplefilter("ignore", dg.BetaWarning)
            return dg.asset(
                key=[connection.name, body.__name__],
                deps=[[connection.name, name] for name in after],
                description=description,
                kinds={connection.dialect().name, "parquet"},
                owners=list(connection.owners),
                tags={CONNECTION_TAG: connection.name},
                metadata={"dagster/code_references": code_of(body)},
                retry_policy=retries(connection),
                **{"group_name": connection.name} | more,
            )(with_resources_of(connection.name, in_run=True)(failing_with_our_message(body)))

    return decorate


def code_of(body: Callable[..., Any]) -> dg.CodeReferencesMetadataValue:
    """Where the code of an asset is, for the link on its page."""
    code = body.__code__
    with warnings.catch_warnings():
        # Code references are marked as beta in Dagster 1.13.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.CodeReferencesMetadataValue(
            code_references=[
                dg.LocalFileCodeReference(
                    file_path=code.co_filename, line_number=code.co_firstlineno, label=body.__name__
                )
            ]
        )
