"""Single requests to one S3 bucket, with their retries; keys instead of paths.

A conditional write carries a mark of its own. Where it has to be repeated because the answer was
lost, and is then refused, the mark tells whether the object there is this very write. What the
objects are, and multipart uploads, is said elsewhere.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from incremental_resources.state_store.errors import ObjectMissing, StoreUnavailable
from incremental_resources.state_store.objects import Digest, Stored
from incremental_resources.state_store.s3_errors import (
    explained,
    is_absence,
    is_passing,
    is_refusal,
    status_of,
)
from incremental_resources.state_store.s3_retries import Retries

MARK = "write"
CHUNK = 1024 * 1024
KEYS_PER_DELETE = 1000

Answer = TypeVar("Answer")


class Refused(Exception):
    """The condition of a write did not hold; nothing was written by it."""


class Bucket:
    """One bucket as seen through a boto3 client that does not retry."""

    def __init__(self, client: Any, name: str, retries: Retries) -> None:
        self.client = client
        self.name = name
        self.retries = retries
        self._is_there = False

    def place(self, key: str) -> str:
        """The object for people."""
        return f"s3://{self.name}/{key}"

    def ask(self, key: str, request: Callable[[int], Answer]) -> Answer:
        """A request about ``key``. Raises StoreUnavailable, ObjectMissing."""
        try:
            answer = self.retries.call(self.place(key), request)
        except ClientError as error:
            if is_absence(error):
                self._is_there = True
                raise ObjectMissing(f"{self.place(key)} does not exist.") from None
            raise explained(error, self.place(key)) from None
        # An answer to HEAD has no body: a missing bucket, or a server that is no S3, looks like a
        # missing object.
        self._is_there = self._is_there or answer is not None
        return answer

    def get(self, key: str) -> Stored:
        """The object whole. Raises ObjectMissing."""

        def request(_attempt: int) -> Stored:
            found = self.client.get_object(Bucket=self.name, Key=key)
            with closing(found["Body"]) as body:
                return Stored(body.read(), found["ETag"])

        return self.ask(key, request)

    def digest(self, key: str) -> Digest:
        """Size and hash of the object, read in pieces. Raises ObjectMissing."""

        def request(_attempt: int) -> Digest:
            sha256, size = hashlib.sha256(), 0
            found = self.client.get_object(Bucket=self.name, Key=key)
            with closing(found["Body"]) as body:
                for chunk in body.iter_chunks(CHUNK):
                    sha256.update(chunk)
                    size += len(chunk)
            return Digest(bytes=size, sha256=sha256.hexdigest())

        return self.ask(key, request)

    def head(self, key: str) -> dict[str, Any] | None:
        """The object's headers; None if there is none."""

        def request(_attempt: int) -> dict[str, Any] | None:
            try:
                found: dict[str, Any] = self.client.head_object(Bucket=self.name, Key=key)
            except ClientError as error:
                if status_of(error) != 404:
                    raise
                return None
            return found

        found = self.ask(key, request)
        if found is None and not self._is_there:
            self._must_be_there()
        return found

    def put(self, key: str, data: bytes, **condition: str) -> str:
        """Store the object if the condition holds; its tag. Raises Refused, StoreUnavailable."""
        mark = uuid.uuid4().hex

        def request(attempt: int) -> str:
            try:
                stored = self.client.put_object(
                    Bucket=self.name, Key=key, Body=data, Metadata={MARK: mark}, **condition
                )
            except ClientError as error:
                if not is_refusal(error) and not is_absence(error):
                    raise
                tag = self.own(key, mark) if attempt > 1 else None
                if tag is None:
                    raise Refused from None
                return tag
            return str(stored["ETag"])

        return self.ask(key, request)

    def own(self, key: str, mark: str) -> str | None:
        """The object's tag if it is the write of that mark."""
        found = self.head(key)
        if found is None or found.get("Metadata", {}).get(MARK) != mark:
            return None
        return str(found["ETag"])

    def keys(self, start: str) -> Iterator[str]:
        """All keys that begin with ``start``."""
        more: dict[str, str] = {}
        while True:
            page = self._page(start, more)
            yield from (one["Key"] for one in page.get("Contents", ()))
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def _page(self, start: str, more: dict[str, str]) -> dict[str, Any]:
        def request(_attempt: int) -> dict[str, Any]:
            page: dict[str, Any] = self.client.list_objects_v2(
                Bucket=self.name, Prefix=start, **more
            )
            return page

        return self.ask(start, request)

    def delete(self, keys: Sequence[str]) -> None:
        """Remove the objects; absent ones are fine."""
        for first in range(0, len(keys), KEYS_PER_DELETE):
            batch = keys[first : first + KEYS_PER_DELETE]
            self.ask(batch[0], partial(self._delete, batch))

    def _delete(self, keys: Sequence[str], _attempt: int) -> None:
        """The answer is a success even where single keys were refused: make that an error."""
        objects = [{"Key": key} for key in keys]
        done = self.client.delete_objects(
            Bucket=self.name, Delete={"Objects": objects, "Quiet": True}
        )
        errors = [one for one in done.get("Errors", ()) if one.get("Code") != "NoSuchKey"]
        if errors:
            raise _worst(errors)

    def _must_be_there(self) -> None:
        """Raises StoreUnavailable unless the bucket answers."""
        try:
            self.retries.call(
                self.place(""), lambda _attempt: self.client.head_bucket(Bucket=self.name)
            )
        except ClientError as error:
            if status_of(error) != 404:
                raise explained(error, self.place("")) from None
            raise StoreUnavailable(
                f"The state store cannot use {self.place('')}: there is no such bucket (404). "
                "What next: create it, or fix `state` or `s3: {endpoint_url}`.",
                transient=False,
            ) from None
        self._is_there = True


def _worst(errors: Sequence[dict[str, str]]) -> ClientError:
    """The refusal of one key as if it were that of the request; what cannot pass comes first."""
    status = {"AccessDenied": 403, "InternalError": 500, "SlowDown": 503}
    found = [
        ClientError(
            {
                "Error": {"Code": one.get("Code", ""), "Message": ""},
                "ResponseMetadata": {"HTTPStatusCode": status.get(one.get("Code", ""), 0)},
            },
            "DeleteObjects",
        )
        for one in errors
    ]
    return min(found, key=is_passing)
