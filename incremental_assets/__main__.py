"""``python -m incremental_assets``."""

from incremental_assets.cli.app import main

if __name__ == "__main__":
    main(prog_name="incremental-assets")
