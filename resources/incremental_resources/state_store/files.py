"""Durable writing on a local file system, and what its refusals mean.

Which files there are, and when they may be replaced, is decided in local.py.
"""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from incremental_resources.state_store.errors import StoreUnavailable
from incremental_resources.state_store.objects import Digest

REMEDIES = {
    errno.EACCES: "give the user who runs this read and write access, or choose another `state`",
    errno.EPERM: "give the user who runs this read and write access, or choose another `state`",
    errno.EROFS: "mount the file system writable, or choose another `state`",
    errno.ENOSPC: "free some space (fewer `retain_versions` need less)",
    errno.EDQUOT: "raise the quota or free some space",
    errno.EFBIG: "raise the limit on the size of files",
    errno.EXDEV: "keep the whole state on one file system",
    errno.EMLINK: "choose a file system that has hard links",
    errno.ENOTSUP: "choose a file system that has hard links and file locks",
    errno.ENOLCK: "choose a file system that has file locks",
    errno.ENOTDIR: "a file or a link is where a directory should be: move it away",
    errno.ELOOP: "a link is where a file should be: move it away",
    errno.EISDIR: "a directory is where a file should be: move it away",
}
# EIO and ESTALE are what a network file system says while its server is away.
PASSING = frozenset(
    {
        errno.ETIMEDOUT,
        errno.EAGAIN,
        errno.EBUSY,
        errno.EMFILE,
        errno.ENFILE,
        errno.EIO,
        errno.ESTALE,
    }
)


def explained(error: OSError, path: Path | str) -> StoreUnavailable:
    """The file system's refusal in our words."""
    number = error.errno or 0
    remedy = REMEDIES.get(number, "see what the file system says, then run this again")
    reason = os.strerror(number) if number else str(error)
    return StoreUnavailable(
        f"The state store cannot use {path}: {reason}. What next: {remedy}.",
        transient=number in PASSING,
    )


@contextmanager
def refusals_explained(path: Path) -> Iterator[None]:
    """Turns an OSError about ``path`` into StoreUnavailable."""
    try:
        yield
    except OSError as error:
        raise explained(error, path) from error


def write_durably(path: Path, data: bytes) -> None:
    """Create the file with this content, on the disk before this returns."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync(path: Path) -> None:
    """Bring a file's content, or a directory's entries, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Create a directory and what is missing above it, durably.

    Raises FileNotFoundError if somebody removes them at the same time: try again.
    """
    missing = [at for at in (folder, *folder.parents) if not at.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        # Either a file is in the way, or a directory was, and somebody has just removed it.
        at = Path(error.filename)
        number = errno.ENOTDIR if at.exists() and not at.is_dir() else errno.ENOENT
        raise OSError(number, os.strerror(number), error.filename) from error
    for made in missing:
        sync(made.parent)


def digest_of(path: Path) -> Digest:
    """Size and hash of a file, read in pieces."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return Digest(bytes=file.tell(), sha256=sha256)
