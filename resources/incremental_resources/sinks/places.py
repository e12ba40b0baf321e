"""Where sinks leave files: a directory, or a prefix on S3. Stores of objects do the work.

What the files are called and what is in them is each kind's own matter.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import Field

from incremental_resources.sinks.addresses import BareAddress
from incremental_resources.sinks.errors import SinkRefused, SinkUnavailable
from incremental_resources.sinks.kinds import SinkOptions
from incremental_resources.state_store.errors import (
    ObjectExists,
    ObjectMissing,
    StoreUnavailable,
    SwapRefused,
)
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.resource import open_s3

S3 = "s3://"


class FileOptions(SinkOptions):
    """Options of a kind that may leave files somewhere."""

    path: str | None = Field(
        default=None,
        min_length=1,
        description="Where files go: a directory (a relative one starts at the file), or S3.",
        json_schema_extra={
            "allowed": "a directory, or s3://bucket/prefix",
            "anchored": True,
            "place": True,
        },
    )
    endpoint_url: BareAddress | None = Field(
        default=None,
        description="Where an S3 that is not Amazon's answers.",
        json_schema_extra={
            "allowed": "https://host:port, without credentials or a path",
            "place": True,
        },
    )
    region: str | None = Field(
        default=None,
        description="The bucket's region.",
        json_schema_extra={"allowed": "a region, eu-central-1 for instance"},
    )
    profile: str | None = Field(
        default=None,
        description="A profile of the AWS configuration files.",
        json_schema_extra={"allowed": "the name of a profile"},
    )


class PlaceOptions(FileOptions):
    """Options of a kind that leaves files somewhere."""

    path: str = Field(
        min_length=1,
        description="Where files go: a directory (a relative one starts at the file), or S3.",
        json_schema_extra={
            "allowed": "a directory, or s3://bucket/prefix",
            "anchored": True,
            "place": True,
        },
    )


def open_place(options: FileOptions) -> ObjectStore:
    """The objects at the place; credentials of S3 come from the AWS chain.

    Raises:
        SinkRefused: there is no such profile.
    """
    if options.path is None:
        raise ValueError("no place was given")
    if not options.path.startswith(S3):
        return LocalObjects(Path(options.path))
    with told_as_of_a_sink():
        return open_s3(
            options.path.removeprefix(S3),
            endpoint_url=options.endpoint_url,
            region=options.region,
            profile=options.profile,
        )


def check_place(options: FileOptions) -> str:
    """Prove that files can be left there. Raises SinkUnavailable, SinkRefused."""
    objects = open_place(options)
    with told_as_of_a_sink():
        objects.check()
    return f"{objects.uri} can be written"


def check_all(options: FileOptions, server: Callable[[], str] | None) -> str:
    """Try the place for files and the ``server``, as far as there are any."""
    told = [check_place(options)] if options.path is not None else []
    return "; ".join([*told, *([server()] if server else [])])


@contextmanager
def told_as_of_a_sink() -> Iterator[None]:
    """What a store or a file system says, as the error of a sink."""
    try:
        yield
    except StoreUnavailable as error:
        told = str(error).replace("The state store", "It")
        raise (SinkUnavailable if error.transient else SinkRefused)(told) from error
    except (SwapRefused, ObjectExists) as error:
        raise SinkUnavailable(
            "Somebody else wrote to its place at the same time: give each deployment its own."
        ) from error
    except OSError as error:
        raise SinkRefused(f"{error.filename or 'a file'}: {error.strerror or error}") from error


def put(objects: ObjectStore, path: str, data: bytes) -> None:
    """Store ``data`` at ``path``, in the place of what was there. Raises as the store does."""
    tag = None
    with suppress(ObjectMissing):
        tag = objects.read(path).tag
    objects.swap(path, data, tag)


def put_file(objects: ObjectStore, path: str, local: Path) -> None:
    """Store a finished local file (of ``objects.scratch()``), in the place of what was there."""
    objects.replace_file(path, local)


def put_lines(objects: ObjectStore, path: str, lines: Iterable[bytes]) -> int:
    """Store lines at ``path``, in the place of what was there; how many they were."""
    local = objects.scratch() / f"{uuid.uuid4().hex}.part"
    count = 0
    try:
        with local.open("wb") as file:
            for line in lines:
                file.write(line)
                count += 1
        put_file(objects, path, local)
    finally:
        local.unlink(missing_ok=True)
    return count
