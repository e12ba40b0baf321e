"""HEAD: the one mutable object of a connection. How it moves is in store.py."""

import hashlib
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict

from incremental_resources.state_store.documents import (
    FORMAT,
    Document,
    Moment,
    dump_json,
    load_json,
    unreadable,
)
from incremental_resources.state_store.objects import checked

ObjectPath = Annotated[str, AfterValidator(checked)]


class VersionRef(BaseModel):
    """Names one version for good: its manifest's path below the connection, and its hash."""

    model_config = ConfigDict(frozen=True, strict=True)

    version: int
    manifest: ObjectPath
    sha256: str


class Head(Document):
    """The current version and as of when it is known to be true: its marker and probe hold.

    ``revision`` is set by ``StateStore.move_head``: one more on every move.
    """

    format: int = FORMAT
    revision: int = 0
    version: int
    manifest: ObjectPath
    sha256: str
    marker: Moment
    probe: str | None
    extraction: str
    source: dict[str, Any]

    @classmethod
    def at(
        cls,
        ref: VersionRef,
        *,
        marker: Moment,
        probe: str | None,
        extraction: str,
        source: dict[str, Any],
    ) -> Self:
        """A head that stands at the version ``ref`` names."""
        return cls(
            version=ref.version,
            manifest=ref.manifest,
            sha256=ref.sha256,
            marker=marker,
            probe=probe,
            extraction=extraction,
            source=source,
        )

    def to_bytes(self, *, indent: int | None = None) -> bytes:
        """The document and, as ``check``, the hash of its fields."""
        return dump_json({**self.model_dump(mode="json"), "check": self._check()}, indent=indent)

    @classmethod
    def from_bytes(cls, data: bytes, path: str) -> Self:
        """Raises StateTooNew, StateCorrupt naming ``path``."""
        head = super().from_bytes(data, path)
        # Nothing but HEAD tells what HEAD should be: a flipped digit of the marker would pass.
        if load_json(data, path).get("check") != head._check():
            raise unreadable(path, "its content does not agree with its check")
        return head

    def _check(self) -> str:
        return hashlib.sha256(dump_json(self.model_dump(mode="json"))).hexdigest()

    @property
    def ref(self) -> VersionRef:
        """The version this head stands at."""
        return VersionRef(version=self.version, manifest=self.manifest, sha256=self.sha256)


class HeadRef(BaseModel):
    """HEAD as it was read, with the tag that a swap must present.

    ``model_dump(mode="json")`` and ``HeadRef.model_validate`` carry it through JSON.
    """

    model_config = ConfigDict(frozen=True)

    head: Head
    tag: str
