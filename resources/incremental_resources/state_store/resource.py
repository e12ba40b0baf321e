"""The Dagster resource ``states``: where states are kept, as plain ``States``; S3 too."""

from collections.abc import Callable
from typing import Any

import dagster as dg

from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.pool import States


def states_resource(open_objects: Callable[[], ObjectStore]) -> dg.ResourceDefinition:
    """``States`` over the objects that ``open_objects`` opens."""
    return dg.ResourceDefinition(
        resource_fn=lambda _context: States(open_objects()),
        description="The versions, heads and working files of all connections.",
    )


def open_s3(
    place: str,
    *,
    endpoint_url: str | None = None,
    region: str | None = None,
    profile: str | None = None,
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
    session_token: str | None = None,
) -> ObjectStore:
    """The store at ``bucket/prefix``; what is not given, the AWS chain finds.

    Raises:
        StoreUnavailable: there is no such profile, or the AWS configuration is broken.
    """
    # boto3 and dagster-aws take as long to import as Dagster: not where the state is local.
    import boto3
    from botocore.exceptions import BotoCoreError
    from dagster_aws.s3 import S3Resource

    from incremental_resources.state_store.s3 import S3Objects
    from incremental_resources.state_store.s3_errors import explained

    keys = {
        "aws_access_key_id": access_key_id,
        "aws_secret_access_key": secret_access_key,
        "aws_session_token": session_token,
    }
    bucket, _, prefix = place.partition("/")
    try:
        # The store repeats requests by itself, knowing that it does. What dagster-aws calls
        # attempts are retries to botocore: 1 would be two attempts.
        client = S3Resource(
            endpoint_url=endpoint_url,
            region_name=region,
            profile_name=profile,
            max_attempts=0,
            **keys,
        ).get_client()
        session = boto3.Session(profile_name=profile, **keys)
    except BotoCoreError as error:
        raise explained(error, f"s3://{place}") from None
    return S3Objects(client, bucket, prefix, credentials=lambda: _frozen(session))


def _frozen(session: Any) -> dict[str, str]:
    """The session's credentials as they are now, for Polars; temporary ones are renewed."""
    found = session.get_credentials()
    if found is None:
        return {}
    now = found.get_frozen_credentials()
    given = {
        "aws_access_key_id": now.access_key,
        "aws_secret_access_key": now.secret_key,
        "aws_session_token": now.token,
    }
    return {name: value for name, value in given.items() if value}
