"""HEAD: the one mutable object of a connection. How it moves is in store.py."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict

from resources.state_store.documents import FORMAT, Document, Moment
from resources.state_store.objects import checked

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
