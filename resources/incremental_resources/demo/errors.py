"""The errors of the demo room.

DemoUnavailable    the demo's server or its shop cannot be had; the message says what to do
"""

from incremental_resources.errors import ResourceError


class DemoUnavailable(ResourceError):
    """The embedded server could not be started, stopped or emptied, or the shop not be loaded."""
