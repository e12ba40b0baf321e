"""The Dagster asset graph of incremental-assets and the rules it follows.

Start reading at ``definitions.py``. What touches the outside world lives in ``resources``.
"""
