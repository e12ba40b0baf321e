"""Objects in an S3 bucket, or in a store that speaks S3 and honours conditional writes.

PutObject with If-None-Match creates, with If-Match swaps; the ETag is the tag. A boto3 client is
handed in. Requests and their retries are in s3_bucket.py, uploads in parts in s3_multipart.py.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from incremental_resources.state_store import s3_multipart
from incremental_resources.state_store.errors import (
    ObjectExists,
    ObjectMissing,
    SwapRefused,
)
from incremental_resources.state_store.files import refusals_explained
from incremental_resources.state_store.objects import Digest, Stored, checked, prove
from incremental_resources.state_store.s3_bucket import Bucket, Refused
from incremental_resources.state_store.s3_retries import Retries
from incremental_resources.state_store.s3_scan import Credentials, Scanner
from incremental_resources.state_store.scratch import private_scratch


class S3Objects:
    """An ObjectStore in ``bucket`` below ``prefix``.

    ``client`` must make one attempt only (``Config(retries={"total_max_attempts": 1})``).
    ``credentials`` gives what Polars signs with, as object_store's options; it is asked again and
    again, because they may expire.
    """

    def __init__(
        self,
        client: Any,
        bucket: str,
        prefix: str = "",
        *,
        credentials: Credentials,
        retries: Retries | None = None,
    ) -> None:
        self._bucket = Bucket(client, bucket, retries or Retries())
        self._start = f"{prefix}/" if prefix else ""
        self._scanner = Scanner(self._bucket, credentials)

    def __repr__(self) -> str:
        return f"<S3Objects {self.uri}>"

    @property
    def uri(self) -> str:
        return self._bucket.place(self._start).rstrip("/")

    def read(self, path: str) -> Stored:
        return self._bucket.get(self._key(path))

    def exists(self, path: str) -> bool:
        return self._bucket.head(self._key(path)) is not None

    def digest(self, path: str) -> Digest:
        return self._bucket.digest(self._key(path))

    def create(self, path: str, data: bytes) -> None:
        with self._creating(path) as key:
            self._bucket.put(key, data, IfNoneMatch="*")

    def create_file(self, path: str, local: Path) -> None:
        with refusals_explained(local):
            size = local.stat().st_size
            with self._creating(path) as key:
                if size > s3_multipart.PART_BYTES:
                    s3_multipart.upload(self._bucket, key, local, size)
                else:
                    self._bucket.put(key, local.read_bytes(), IfNoneMatch="*")
            local.unlink()

    def replace_file(self, path: str, local: Path) -> None:
        with refusals_explained(local):
            size = local.stat().st_size
            if size > s3_multipart.PART_BYTES:
                s3_multipart.upload(self._bucket, self._key(path), local, size, replacing=True)
            else:
                self._bucket.put(self._key(path), local.read_bytes())
            local.unlink()

    def copy(self, source: str, target: str) -> None:
        found = self._bucket.head(self._key(source))
        if found is None:
            raise self._missing(source)
        with self._creating(target) as key:
            if found["ContentLength"] == 0:
                # There is no part without bytes.
                self._bucket.put(key, b"", IfNoneMatch="*")
            else:
                s3_multipart.copy(self._bucket, self._key(source), key, found["ContentLength"])

    def swap(self, path: str, data: bytes, expect: str | None) -> str:
        key = self._key(path)
        condition = {"IfNoneMatch": "*"} if expect is None else {"IfMatch": expect}
        try:
            return self._bucket.put(key, data, **condition)
        except Refused:
            raise SwapRefused(
                f"{self._bucket.place(key)} was changed by someone else since it was read; nothing "
                "was written. Read it again."
            ) from None

    def list(self, folder: str) -> list[str]:
        start = f"{self._key(folder)}/" if folder else self._start
        return sorted(key[len(self._start) :] for key in self._bucket.keys(start))

    def delete(self, path: str) -> None:
        key = self._key(path)
        self._bucket.delete([key, *self._bucket.keys(f"{key}/")])

    def scan(self, path: str) -> pl.LazyFrame:
        return self._scanner.scan(self._key(path), lambda: self._must_exist(path))

    def scratch(self) -> Path:
        with refusals_explained(Path(tempfile.gettempdir())):
            return private_scratch()

    def check(self) -> None:
        prove(self)

    def _key(self, path: str) -> str:
        return self._start + checked(path)

    def _missing(self, path: str) -> ObjectMissing:
        return ObjectMissing(f"{self._bucket.place(self._key(path))} does not exist.")

    def _must_exist(self, path: str) -> None:
        if not self.exists(path):
            raise self._missing(path)

    @contextmanager
    def _creating(self, path: str) -> Iterator[str]:
        key = self._key(path)
        try:
            yield key
        except Refused:
            raise ObjectExists(
                f"{self._bucket.place(key)} exists already; objects are created once and it was "
                "left as it is."
            ) from None
