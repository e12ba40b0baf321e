"""The code location that ``workspace.yaml`` names: the connections of the current configuration.

Start here. Each connection is one group of assets, built in ``build.py``: its assets are in
``assets``, the rules they follow in ``core``, what they touch in ``resources``.
"""

import dagster as dg

from incremental_assets.build import build_definitions
from incremental_assets.wiring import current_config

# Also for runs that are launched from an asset's page: a process per step costs seconds.
defs = build_definitions(current_config(), executor=dg.in_process_executor)
