"""Everything that touches the outside world; imports nothing from ``incremental_assets``."""
