"""Objects in memory: for tests and for looking around; they end with the process."""

import hashlib
import io
import shutil
import tempfile
import threading
import weakref
from pathlib import Path

import polars as pl

from incremental_resources.state_store.errors import ObjectExists, ObjectMissing, SwapRefused
from incremental_resources.state_store.objects import Digest, Stored, checked, prove


class MemoryObjects:
    """An ObjectStore in a dictionary, safe for threads."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._scratch: Path | None = None

    @property
    def uri(self) -> str:
        return "memory:"

    def read(self, path: str) -> Stored:
        data = self._content(path)
        return Stored(data, _hash(data))

    def exists(self, path: str) -> bool:
        return checked(path) in self._objects

    def digest(self, path: str) -> Digest:
        data = self._content(path)
        return Digest(bytes=len(data), sha256=_hash(data))

    def create(self, path: str, data: bytes) -> None:
        with self._lock:
            if checked(path) in self._objects:
                raise ObjectExists(f"{path} exists already; it was left as it is.")
            self._objects[path] = data

    def create_file(self, path: str, local: Path) -> None:
        self.create(path, local.read_bytes())
        local.unlink()

    def replace_file(self, path: str, local: Path) -> None:
        with self._lock:
            self._objects[checked(path)] = local.read_bytes()
        local.unlink()

    def copy(self, source: str, target: str) -> None:
        self.create(target, self._content(source))

    def swap(self, path: str, data: bytes, expect: str | None) -> str:
        with self._lock:
            now = self._objects.get(checked(path))
            if (None if now is None else _hash(now)) != expect:
                raise SwapRefused(f"{path} was changed by someone else; nothing was written.")
            self._objects[path] = data
        return _hash(data)

    def list(self, folder: str) -> list[str]:
        start = f"{checked(folder)}/" if folder else ""
        with self._lock:
            return sorted(path for path in self._objects if path.startswith(start))

    def delete(self, path: str) -> None:
        below = self.list(checked(path))
        with self._lock:
            for one in (path, *below):
                self._objects.pop(one, None)

    def scan(self, path: str) -> pl.LazyFrame:
        return pl.scan_parquet(io.BytesIO(self._content(path)))

    def scratch(self) -> Path:
        with self._lock:
            if self._scratch is None:
                self._scratch = Path(tempfile.mkdtemp(prefix="incremental-assets-"))
                weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)
            return self._scratch

    def check(self) -> None:
        prove(self)

    def _content(self, path: str) -> bytes:
        try:
            return self._objects[checked(path)]
        except KeyError:
            raise ObjectMissing(f"{path} does not exist.") from None


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
