"""Everything that touches the outside world, as plain classes: servers, stores, the demo.

Nothing here knows ``incremental_assets``; only the modules ``resource.py`` know Dagster.
"""
