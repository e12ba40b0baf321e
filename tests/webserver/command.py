"""The command ``incremental-assets`` over sources that can be made to fail (``faulty.py``)."""

from incremental_assets import wiring
from incremental_assets.cli.app import main
from tests.webserver.faulty import open_source

if __name__ == "__main__":
    wiring.open_source = open_source
    main()
