"""What ``check`` finds of a sink. What is tried is each kind's own matter."""

from incremental_assets.config.sinks import SinkConfig, kind_of
from incremental_resources.errors import ResourceError
from incremental_resources.source.secrets import holds


def tried(sink: SinkConfig) -> str:
    """What was found; nothing is published.

    Raises:
        SinkUnavailable, SinkRefused: it could not be published to; the message has no secret.
    """
    check = kind_of(sink.kind).check
    if check is None:
        return "it cannot be tried without publishing"
    try:
        return check(sink.options)
    except ResourceError as error:
        if holds(str(error), sink.secrets()):
            raise type(error)("What it says holds a secret of the sink.") from None
        raise
