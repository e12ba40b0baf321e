"""What the Dagster instance knows of commits: the last one of a connection that it has seen."""

from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from incremental_assets.naming import URI


@dataclass(frozen=True)
class LastCommit:
    """The version that the asset ``marker`` showed last, when, and where its HEAD is."""

    version: int
    at: datetime
    head: str

    def missed(self, connection: str) -> str:
        """What to say where no HEAD is there any more."""
        return (
            f"{connection} has no version in {self.head.removesuffix('/HEAD')}, although version "
            f"{self.version} was committed there on {self.at:%Y-%m-%d %H:%M} UTC. A directory that "
            "is not mounted is the usual cause: see that it is there, then refresh again. "
            "If it is gone for good, begin with version 1:\n"
            f"  incremental-assets refresh {connection} --accept-new-state\n"
            "or in the launchpad:\n"
            f"  ops: {{{connection}__extraction: {{config: {{accept_new_state: true}}}}}}"
        )


def last_commit(instance: dg.DagsterInstance, connection: str, uri: str) -> LastCommit | None:
    """The last one, if it was to the state at ``uri``; a state elsewhere is another one."""
    record = instance.get_latest_materialization_event(dg.AssetKey([connection, "marker"]))
    shown = record.asset_materialization if record else None
    if record is None or shown is None:
        return None
    facts = {name: value.value for name, value in shown.metadata.items()}
    head, version = facts.get(URI), facts.get("version")
    if head != f"{uri}/HEAD" or not isinstance(version, int):
        return None
    return LastCommit(version, datetime.fromtimestamp(record.timestamp, UTC), str(head))
