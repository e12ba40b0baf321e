"""The errors of sinks, named by what to do about them.

ResourceError
├── SinkUnavailable   it did not answer, or not now: delivered again later (transient)
└── SinkRefused       it answered, and will not have this: fix its settings or its rights
"""

from incremental_resources.errors import ResourceError


class SinkUnavailable(ResourceError):
    """The sink could not be reached, or asked to be asked later; what it had it still has."""

    transient = True


class SinkRefused(ResourceError):
    """The sink will not take it: a wrong token, a full disk, a missing folder."""
