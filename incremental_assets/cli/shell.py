"""What the commands share: loading them late, settings, output, and errors in one message."""

import errno
import functools
import json
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NoReturn

import click
from rich.console import Console

from incremental_assets.core.names import escaped

INTERRUPTED = 130
# What a write to stdout fails with where it is a file; a pipe that nobody reads is click's.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


class LazyCommands(click.Group):
    """A group whose commands are imported when they are used: Dagster takes a second to import."""

    def __init__(self, *args: Any, commands_in: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.commands_in = commands_in

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands_in)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands_in:
            return None
        try:
            return getattr(import_module(self.commands_in[cmd_name]), f"{cmd_name}_command")
        except KeyboardInterrupt:
            _end_interrupted()


def ending_with_our_message(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command whose errors of ours end it with one message on stderr and exit code 1."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except KeyboardInterrupt:
            _end_interrupted()
        except Exception as error:
            # Imported here because it brings Dagster, which takes a second.
            from incremental_assets.steps.failures import OUR_ERRORS

            if click.get_current_context().obj["debug"]:
                raise
            if isinstance(error, OUR_ERRORS):
                fail(f"{type(error).__name__}: {error}")
            if isinstance(error, OSError) and error.filename is None and error.errno in FULL:
                fail(f"The output cannot be written: {error.strerror}.")
            raise

    return run


def _end_interrupted() -> NoReturn:
    click.echo("Interrupted.", err=True)
    sys.exit(INTERRUPTED)


def fail(message: str) -> NoReturn:
    """End with exit code 1 and one message on stderr."""
    for line in message.split("\n"):
        click.echo(escaped(line), err=True)
    sys.exit(1)


def console() -> Console:
    """Where people read; plain text where it is no terminal."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def print_json(content: Any) -> None:
    """One JSON object on stdout."""
    text = json.dumps(content, indent=2, ensure_ascii=False, default=str)
    click.echo("\n".join(map(escaped, text.split("\n"))))
