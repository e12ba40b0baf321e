"""A code location of the tests: the configuration in force, over sources that can be made to fail.

How they fail is in ``faulty.py``.
"""

from functools import partial

import dagster as dg

from incremental_assets.build import build_definitions
from incremental_assets.wiring import current_config
from incremental_resources.source.resource import sources_resource
from tests.webserver.faulty import open_source

config = current_config()
makers = {one.name: partial(open_source, config, one) for one in config.connections}
sources = sources_resource(makers)
defs = build_definitions(config, {"sources": sources}, executor=dg.in_process_executor)
