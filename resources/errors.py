"""The root of the errors that ``resources`` raises; each room names its own below it.

ResourceError
├── source/errors.py       SourceUnavailable, AccessDenied, CapabilityMissing, QueryFailed, SchemaDrift
└── state_store/errors.py  ObjectMissing, ObjectExists, StateConflict, CommitUnknown, StateCorrupt
"""


class ResourceError(Exception):
    """Something outside did not do what was asked; the message says what, which and what next.

    ``transient`` is True where the same call may succeed if it is simply repeated.
    """

    transient = False
