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
    accept_new_state: bool = Field(
        default=False,
        description="Begin with version 1 although versions were committed before and their state "
        "is not there any more.",
    )
    reason: str = Field(
        default="",
        description="Why this refresh was asked for; kept with the extraction.",
    )
