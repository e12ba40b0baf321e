"""The run config of a refresh: what a person can ask of one, in the launchpad or a terminal."""

import dagster as dg
from pydantic import Field


class ExtractionConfig(dg.Config):
    """What a person can ask of one refresh, in the launchpad or on the command line."""

    full: bool = Field(
        default=False,
        description="Read every table again, whether its token says that it changed or not.",
    )
    accept_deletions: bool = Field(
        default=False,
        description="Accept that the objects which the last refused refresh listed are gone. "
        "Anything beyond that list is refused again.",
    )
    reason: str = Field(
        default="",
        description="Why this refresh was asked for; kept with the extraction.",
    )
