"""The Dagster asset graph of incremental-assets and the rules it follows.

Start reading at ``definitions.py``. What touches the outside world lives in ``resources``.
"""


def __getattr__(name: str) -> object:
    # The component that a defs.yaml names; here, because importing it takes a second or two.
    if name == "SqlCatalog":
        from incremental_assets.component import SqlCatalog

        return SqlCatalog
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), "SqlCatalog"]
