"""The ``incremental-assets`` command line; one module per family of commands."""
