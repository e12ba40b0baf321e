"""Objects that are put together on the server: large files, and copies.

Why copies too: CopyObject with If-None-Match is young, and servers that do not know it overwrite
without a word. CompleteMultipartUpload carries the condition on every server that has conditional
writes at all, and UploadPartCopy keeps the bytes on the server's side.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from incremental_resources.errors import ResourceError
from incremental_resources.state_store.s3_bucket import MARK, Bucket, Refused
from incremental_resources.state_store.s3_errors import code_of, explained, is_conflict, is_refusal

# Files beyond this are sent in parts of this size (S3: at least 5 MiB, at most 10,000 parts).
PART_BYTES = 32 * 1024 * 1024
# What one UploadPartCopy may copy is 5 GiB.
COPIED_BYTES = 1024 * 1024 * 1024
# S3 lets a conditional completion that met another write be repeated only from the beginning.
FRESH_STARTS = 5
CHECKSUMS = (
    "ChecksumCRC32",
    "ChecksumCRC32C",
    "ChecksumCRC64NVME",
    "ChecksumSHA1",
    "ChecksumSHA256",
)

# The condition that nothing is at the key.
NEW = {"IfNoneMatch": "*"}
Part = Callable[[str, int], dict[str, Any]]


class _Conflict(Exception):
    """Another write to the key got in between."""


def upload(bucket: Bucket, key: str, file: Path, size: int, *, replacing: bool = False) -> None:
    """Store a local file that is not empty; ``replacing``: in the place of what is there.

    Raises Refused, StoreUnavailable, OSError.
    """

    def part(offset: int) -> Part:
        def send(upload_id: str, number: int) -> dict[str, Any]:
            with file.open("rb") as opened:
                opened.seek(offset)
                data = opened.read(PART_BYTES)
            return bucket.ask(
                key,
                lambda _attempt: bucket.client.upload_part(
                    Bucket=bucket.name, Key=key, UploadId=upload_id, PartNumber=number, Body=data
                ),
            )

        return send

    parts = [part(offset) for offset in range(0, size, PART_BYTES)]
    _put_together(bucket, key, parts, {} if replacing else NEW)


def copy(bucket: Bucket, source: str, target: str, size: int) -> None:
    """Store an object that is not empty at ``target`` too. Raises Refused, ObjectMissing."""

    def part(offset: int) -> Part:
        last = min(offset + COPIED_BYTES, size) - 1
        where = {
            "CopySource": {"Bucket": bucket.name, "Key": source},
            **({"CopySourceRange": f"bytes={offset}-{last}"} if size > COPIED_BYTES else {}),
        }

        def send(upload_id: str, number: int) -> dict[str, Any]:
            done = bucket.ask(
                source,
                lambda _attempt: bucket.client.upload_part_copy(
                    Bucket=bucket.name, Key=target, UploadId=upload_id, PartNumber=number, **where
                ),
            )
            result: dict[str, Any] = done["CopyPartResult"]
            return result

        return send

    parts = [part(offset) for offset in range(0, size, COPIED_BYTES)]
    _put_together(bucket, target, parts, NEW)


def _put_together(
    bucket: Bucket, key: str, parts: Sequence[Part], condition: Mapping[str, str]
) -> None:
    for start in range(1, FRESH_STARTS + 1):
        try:
            return _once(bucket, key, parts, condition, last=start == FRESH_STARTS)
        except _Conflict:
            bucket.retries.pause(start)
    return None


def _once(
    bucket: Bucket, key: str, parts: Sequence[Part], condition: Mapping[str, str], *, last: bool
) -> None:
    mark = uuid.uuid4().hex
    with _upload(bucket, key, mark) as upload_id:
        listed = []
        for number, part in enumerate(parts, 1):
            done = part(upload_id, number)
            kept = {name: done[name] for name in ("ETag", *CHECKSUMS) if name in done}
            listed.append({"PartNumber": number, **kept})
        _complete(bucket, key, mark, upload_id, listed, condition, last=last)


@contextmanager
def _upload(bucket: Bucket, key: str, mark: str) -> Iterator[str]:
    """An upload that is given up if the block fails.

    What a killed process or a lost answer leaves behind is for a lifecycle rule of the bucket
    (AbortIncompleteMultipartUpload): unfinished uploads of others must not be touched.
    """
    started = bucket.ask(
        key,
        lambda _attempt: bucket.client.create_multipart_upload(
            Bucket=bucket.name, Key=key, Metadata={MARK: mark}
        ),
    )
    upload_id = str(started["UploadId"])
    try:
        yield upload_id
    except BaseException:
        with suppress(ResourceError):
            bucket.ask(
                key,
                lambda _attempt: bucket.client.abort_multipart_upload(
                    Bucket=bucket.name, Key=key, UploadId=upload_id
                ),
            )
        raise


def _complete(
    bucket: Bucket,
    key: str,
    mark: str,
    upload_id: str,
    parts: list[dict[str, Any]],
    condition: Mapping[str, str],
    *,
    last: bool,
) -> None:
    def request(attempt: int) -> None:
        try:
            bucket.client.complete_multipart_upload(
                Bucket=bucket.name,
                Key=key,
                UploadId=upload_id,
                MultipartUpload={"Parts": parts},
                **condition,
            )
        except ClientError as error:
            if is_conflict(error):
                raise (explained(error, bucket.place(key)) if last else _Conflict()) from None
            unsure = attempt > 1 and (is_refusal(error) or code_of(error) == "NoSuchUpload")
            if unsure and bucket.own(key, mark) is not None:
                return
            if is_refusal(error):
                raise Refused from None
            raise

    bucket.ask(key, request)
