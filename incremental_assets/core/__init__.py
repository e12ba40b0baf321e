"""The rules, as pure functions on Polars frames: no Dagster, no SQLAlchemy, no files, no clock."""
