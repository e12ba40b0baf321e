"""The manifest: which files make a version, and what is in them. Reading them is in version.py."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from incremental_resources.state_store.documents import FORMAT, Document, Moment
from incremental_resources.state_store.head import ObjectPath, VersionRef


class FileEntry(BaseModel):
    """One file; ``path`` is relative to the manifest (or to the extraction's folder)."""

    model_config = ConfigDict(frozen=True, strict=True)

    path: ObjectPath
    entity: str
    rows: int
    bytes: int
    sha256: str


class Manifest(Document):
    """What a version is made of. ``parent`` is None for the first version of a connection.

    ``source`` is HEAD's when the version was committed. In a rollback ``rolled_back_to`` is the
    version it equals, and ``replaces`` the one it followed where that could not be its parent.
    """

    format: int = FORMAT
    version: int
    parent: VersionRef | None
    created_at: Moment
    marker: Moment
    probe: str | None
    extraction: str
    dialect: str
    scope: dict[str, Any]
    counts: dict[str, int]
    changes: dict[str, dict[str, int]]
    source: dict[str, Any] | None = None
    rolled_back_to: VersionRef | None = None
    replaces: VersionRef | None = None
    files: tuple[FileEntry, ...]

    @property
    def base(self) -> VersionRef | None:
        """Where HEAD has to stand for this version to follow; None: there must be none."""
        return self.replaces or self.parent
