"""Whether a connection without HEAD had one: losing it must not look like a first run.

Only names and records are looked at. What is whole enough to go back to is found in version.py.
"""

import re

from incremental_resources.state_store.errors import ObjectMissing, StateCorrupt, StateTooNew
from incremental_resources.state_store.extraction import read_extraction
from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.retention import children
from incremental_resources.state_store.version import MANIFEST

FOLDER = re.compile(r"(?P<number>\d{8})-(?P<extraction>.+)-\d+")


def committed_folder(objects: ObjectStore, connection: str) -> str | None:
    """A version's directory that cannot be there unless HEAD was; None for a true first run.

    A first refresh that was killed leaves a first version too, and its extraction open beside it.
    """
    for name, paths in children(objects, f"{connection}/versions").items():
        found = FOLDER.fullmatch(name)
        if found is None:
            continue
        later = int(found["number"]) > 1
        if later or (MANIFEST in paths and _is_closed(objects, connection, found["extraction"])):
            return f"versions/{name}"
    return None


def _is_closed(objects: ObjectStore, connection: str, id: str) -> bool:
    try:
        return read_extraction(objects, connection, id).state == "committed"
    except (ObjectMissing, StateCorrupt, StateTooNew):
        # Retention removes the records of finished extractions only.
        return True
