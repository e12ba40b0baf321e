"""The errors of the state store, named by what to do about them.

ResourceError
├── ObjectMissing          nothing is stored at that path
│   ├── VersionMissing     HEAD does not reach that version: choose one of those named
│   └── ExtractionMissing  no such extraction: refresh the connection
├── ObjectExists           the path is taken; objects are created once
├── SwapRefused            the object is not what it was when it was read: read it again
├── StoreUnavailable       the store did not answer or refused: see its message; may be transient
├── StateConflict          someone else committed: refresh again
├── CommitUnknown          whether the commit happened could not be found out: look at HEAD first
├── StateCorrupt           a file is not what the manifest says: restore it or go back
└── StateTooNew            a newer program wrote this state: upgrade
"""

from incremental_resources.errors import ResourceError


class ObjectMissing(ResourceError):
    """Nothing is stored at the path; the store itself answered."""


class VersionMissing(ObjectMissing):
    """HEAD reaches no version of that number; the message says which numbers there are."""


class ExtractionMissing(ObjectMissing):
    """The extraction was never opened, or retention removed it."""


class ObjectExists(ResourceError):
    """The path holds something already; nothing was written."""


class SwapRefused(ResourceError):
    """The object's tag is not the expected one; nothing was written."""


class StoreUnavailable(ResourceError):
    """The store could not do it; never to be read as absence."""

    def __init__(self, message: str, *, transient: bool = True) -> None:
        super().__init__(message)
        self.transient = transient


class StateConflict(ResourceError):
    """Another extraction moved the head first; nothing was changed."""


class CommitUnknown(ResourceError):
    """The swap of HEAD was not answered and HEAD cannot be read."""


class StateCorrupt(ResourceError):
    """Stored state is damaged; names the file and, where there is one, the last good version."""


class StateTooNew(ResourceError):
    """The state has a format that this program does not know."""
