"""``python -m incremental_assets`` and the console script."""

import gc

from incremental_assets.cli.app import main


def run() -> None:
    """The command line as a process of its own.

    What imports make stays to the end: the collector, which would walk all of it again and again,
    rests until the command is loaded.
    """
    gc.disable()
    main(prog_name="incremental-assets")


if __name__ == "__main__":
    run()
