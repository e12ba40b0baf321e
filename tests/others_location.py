"""A location of somebody else's, whose runs have a process per step."""

from incremental_assets.build import build_definitions
from incremental_assets.wiring import current_config

defs = build_definitions(current_config())
