"""The Dagster instance: where it is, its runs, its event log.

Calls into Dagster's inner modules are here. What a run does is in ``assets`` and ``steps``.
"""
