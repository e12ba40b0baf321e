"""Parquet objects on S3 as lazy frames, whose failures are ours.

Polars reads by itself, with ranges and retries of its own; it gets the client's endpoint, region
and credentials. Its errors are turned into ours when a frame is collected, not only when it is
made.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import polars as pl
from botocore.exceptions import BotoCoreError, ClientError
from polars.io.plugins import register_io_source

from incremental_resources.errors import ResourceError
from incremental_resources.state_store.errors import StoreUnavailable
from incremental_resources.state_store.s3_bucket import Bucket
from incremental_resources.state_store.s3_errors import explained

# How long Polars may keep credentials before it asks again; botocore renews them earlier.
CREDENTIALS_SECONDS = 300
# Of one request with its answer; without it a silent server holds Polars for ever.
ANSWER_SECONDS = 120

Credentials = Callable[[], Mapping[str, str]]


class Scanner:
    """Scans objects of one bucket."""

    def __init__(self, bucket: Bucket, credentials: Credentials) -> None:
        self._bucket = bucket
        self._credentials = credentials
        self._options = _options(bucket)

    def scan(self, key: str, must_exist: Callable[[], object]) -> pl.LazyFrame:
        """The object as a lazy frame; ``must_exist`` says why it could not be found."""
        frame = pl.scan_parquet(
            f"s3://{self._bucket.name}/{key}",
            storage_options=self._options,
            credential_provider=self._provide,
            glob=False,
            hive_partitioning=False,
        )
        place = self._bucket.place(key)
        with _failures_explained(place, must_exist):
            schema = frame.collect_schema()

        def batches(
            columns: list[str] | None,
            predicate: pl.Expr | None,
            rows: int | None,
            _size: int | None,
        ) -> Iterator[pl.DataFrame]:
            wanted = frame if columns is None else frame.select(columns)
            wanted = wanted if predicate is None else wanted.filter(predicate)
            wanted = wanted if rows is None else wanted.head(rows)
            with _failures_explained(place, must_exist):
                yield from wanted.collect_batches(maintain_order=True)

        return register_io_source(batches, schema=schema, is_pure=True)

    def _provide(self) -> tuple[dict[str, str], int]:
        try:
            found = dict(self._credentials())
        except (BotoCoreError, ClientError) as error:
            raise explained(error, self._bucket.place("")) from None
        return found, int(time.time()) + CREDENTIALS_SECONDS


def _options(bucket: Bucket) -> dict[str, Any]:
    meta, retries = bucket.client.meta, bucket.retries
    region = meta.region_name
    return {
        "aws_endpoint_url": meta.endpoint_url,
        # Without a region botocore signs for this one.
        "aws_region": "us-east-1" if region in (None, "aws-global") else region,
        "aws_allow_http": "true" if meta.endpoint_url.startswith("http://") else "false",
        "timeout": f"{ANSWER_SECONDS}s",
        "max_retries": retries.attempts - 1,
        "retry_timeout_ms": int(retries.seconds * 1000),
        "retry_init_backoff_ms": max(int(retries.first_pause * 1000), 1),
        "retry_max_backoff_ms": max(
            int(min(retries.longest_pause, retries.first_pause * 32) * 1000), 2
        ),
    }


@contextmanager
def _failures_explained(place: str, must_exist: Callable[[], object]) -> Iterator[None]:
    """Polars says FileNotFoundError for every 404, PermissionError for 401 and 403.

    Its words hold the store's whole answer, which may repeat a token: they are not passed on.
    """
    try:
        yield
        return
    except FileNotFoundError:
        failure = _why_missing(place, must_exist)
    except PermissionError:
        failure = StoreUnavailable(
            f"The state store cannot use {place}: access was denied while Polars read it. "
            "What next: allow s3:GetObject below the state's prefix.",
            transient=False,
        )
    except OSError:
        failure = _unavailable(place, "Polars got no whole answer")
    raise failure from None


def _why_missing(place: str, must_exist: Callable[[], object]) -> ResourceError:
    try:
        must_exist()
    except ResourceError as error:
        return error
    return _unavailable(place, "it was gone for a moment (404)")


def _unavailable(place: str, reason: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"The state store cannot use {place}: {reason}. What next: run this again."
    )
