"""``python -m incremental_assets`` and the console script."""

import codecs
import gc
import io
import json
import os
import sys
from pathlib import Path

from incremental_assets.cli.app import main


def run() -> None:
    """The command line as a process of its own.

    What imports make stays to the end: the collector, which would walk all of it again and again,
    rests until the command is loaded.
    """
    gc.disable()
    _open_output()
    main(prog_name="incremental-assets")


def _open_output() -> None:
    """Whatever stdout is, a command can write every text to it."""
    codecs.register_error("json", _as_json)
    if sys.stdout is None:
        # Started with its output closed.
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="json")


def _as_json(error: UnicodeError) -> tuple[str, int]:
    r"""``\u20ac`` where the output's encoding has no euro sign: JSON stays the JSON it was."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


if __name__ == "__main__":
    run()
