"""The ``incremental-assets`` command: its options, its commands, and how errors end it."""

import gc

import click

from incremental_assets.cli.shell import LazyCommands


@click.group(
    cls=LazyCommands,
    commands_in={
        "demo": "incremental_assets.cli.commands.demo",
        "ui": "incremental_assets.cli.commands.ui",
        "refresh": "incremental_assets.cli.commands.refresh",
        "status": "incremental_assets.cli.commands.inspect",
        "diff": "incremental_assets.cli.commands.diff",
        "log": "incremental_assets.cli.commands.log",
        "history": "incremental_assets.cli.commands.inspect",
        "rollback": "incremental_assets.cli.commands.rollback",
        "acknowledge": "incremental_assets.cli.commands.acknowledge",
        "publish": "incremental_assets.cli.commands.publish",
        "prune": "incremental_assets.cli.commands.prune",
        "export": "incremental_assets.cli.commands.export",
        "check": "incremental_assets.cli.commands.setup",
        "dialects": "incremental_assets.cli.commands.setup",
        "init": "incremental_assets.cli.commands.setup",
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
