"""A refresh by somebody who may not do what he needs to, after one that was made as usual.

``python -m tests.limited CONFIG URL WHAT`` changes the database in between and prints what the
second refresh told, as JSON. ``size``: no file may have more than some bytes; ``user``: the state
belongs to somebody else and is not to be written.
"""

import json
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from incremental_assets.config.loading import load_config
from incremental_resources.state_store.local import LocalObjects
from tests.changes import alter
from tests.watched import attempt_watched

# Less than any Parquet file has, and more than the store's probe of itself.
BYTES = 256
NOBODY = 65534


def limit_size(_state: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (BYTES, resource.RLIM_INFINITY))


def become_another(state: Path) -> None:
    """Root may write anything, so it must not stay root; others take their right away."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    else:
        for folder in (state, *(at for at in state.rglob("*") if at.is_dir())):
            folder.chmod(0o555)


LIMITS: dict[str, Callable[[Path], None]] = {"size": limit_size, "user": become_another}


def main(config_path: Path, url: str, what: str) -> None:
    """Both refreshes are made in this process: what it imports late, it has by the second."""
    config = load_config(config_path)
    state = config_path.parent / "catalog"
    alter(url, 0)
    first = attempt_watched(config, LocalObjects(state))
    assert first.ok, first.error
    alter(url, 1)
    LIMITS[what](state)
    second = attempt_watched(config, LocalObjects(state))
    sys.stdout.write(json.dumps([second.ok, second.error]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
