"""What must hold after a refresh, whatever happened before it; for children of ``watched``."""

import os

from incremental_assets.config.model import Config
from incremental_assets.steps.committing import KEPT_EXTRACTIONS
from incremental_resources.sinks.parquet.change_log import ChangeLog
from incremental_resources.sinks.parquet.files import ChangeFiles
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.scratch import owner
from incremental_resources.state_store.store import StateStore
from tests.live import NAME, state
from tests.oracle import differing
from tests.watched import attempt_watched


def refresh_plainly(config: Config, objects: ObjectStore, url: str) -> None:
    """A refresh that nobody disturbs, and that needs nobody's help."""
    outcome = attempt_watched(config, objects)
    assert outcome.ok, outcome.error
    look(config, objects, url)
    store = StateStore(objects, NAME)
    logged = ChangeFiles(objects, NAME).versions()
    assert [one.number for one in store.history() if one.ref.sha256 not in logged] == []


def look(config: Config, objects: ObjectStore, url: str) -> None:
    """The state is what the oracle sees, and nothing is left that nobody owns."""
    store = StateStore(objects, NAME)
    version = store.current()
    assert version is not None
    version.verify()
    seen = differing(url, state(version), partitions=False)
    assert seen == {}, seen
    store.prune(config.connection(NAME).options.retain_versions, KEPT_EXTRACTIONS)
    left = orphans(store)
    assert left == [], left


def orphans(store: StateStore) -> list[str]:
    """What is stored and belongs to no version, no extraction that is kept, and not to the log."""
    owned = {f"{NAME}/HEAD", f"{NAME}/sinks/{ChangeLog.name}.json"}
    owned |= {path for one in ChangeFiles(store.objects, NAME).pieces() for path in one.files}
    for version in store.history():
        files = ("manifest.json", *(entry.path for entry in version.manifest.files))
        owned |= {f"{NAME}/{version.folder}/{path}" for path in files}
    kept = tuple(f"{NAME}/extractions/{id}/" for id in (one.id for one in store.extractions()))
    paths = stored(store.objects)
    return [path for path in paths if path not in owned and not path.startswith(kept)]


def stored(objects: ObjectStore) -> list[str]:
    """Everything that is there, the store's own files included, but for this process's own."""
    if isinstance(objects, LocalObjects):
        files = [at for at in objects.root.rglob("*") if at.is_file() and at.name != ".lock"]
        paths = [at.relative_to(objects.root).as_posix() for at in files]
    else:
        paths = objects.list("")
    return [path for path in paths if owner(os.getpid()) not in path]
