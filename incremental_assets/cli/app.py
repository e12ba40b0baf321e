"""The ``incremental-assets`` command: its options, its commands, and how errors end it."""

import gc

import click

from incremental_assets.cli.commands import LazyCommands


@click.group(
    cls=LazyCommands,
    commands_in={
        "demo": "incremental_assets.cli.demo",
        "ui": "incremental_assets.cli.ui",
        "refresh": "incremental_assets.cli.refresh",
        "status": "incremental_assets.cli.inspect",
        "diff": "incremental_assets.cli.inspect",
        "history": "incremental_assets.cli.inspect",
        "rollback": "incremental_assets.cli.rollback",
        "prune": "incremental_assets.cli.prune",
        "export": "incremental_assets.cli.export",
        "check": "incremental_assets.cli.setup",
        "dialects": "incremental_assets.cli.setup",
        "init": "incremental_assets.cli.setup",
    },
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--config", metavar="FILE", help="The connections.yaml to use.")
@click.option("--debug", is_flag=True, help="Show tracebacks of errors.")
@click.option("--verbose", is_flag=True, help="Show Dagster's own log on the console.")
@click.version_option(package_name="incremental-assets")
@click.pass_context
def main(context: click.Context, config: str | None, debug: bool, verbose: bool) -> None:
    """Keep an exact, versioned picture of your SQL databases, reading only what changed."""
    context.obj = {"config": config, "debug": debug, "verbose": verbose}
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
