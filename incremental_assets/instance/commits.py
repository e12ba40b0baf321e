"""What the Dagster instance knows of commits: the last one of a connection that it has seen."""

from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg


@dataclass(frozen=True)
class LastCommit:
    """The version that the asset ``marker`` showed last, and when."""

    version: int
    at: datetime

    def missed_at(self, connection: str, uri: str) -> str:
        """What to say where the state at ``uri`` has no version at all."""
        return (
            f"{connection} has no version in {uri}, although version {self.version} was committed "
            f"on {self.at:%Y-%m-%d %H:%M} UTC. A directory that is not mounted, or another `state` "
            "in connections.yaml, is the usual cause: see that it is there, then refresh again. "
            "If it is gone for good, begin with version 1:\n"
            f"  incremental-assets refresh {connection} --accept-new-state\n"
            "or in the launchpad:\n"
            f"  ops: {{{connection}__extraction: {{config: {{accept_new_state: true}}}}}}"
        )


def last_commit(instance: dg.DagsterInstance, connection: str) -> LastCommit | None:
    """None where this instance has seen none."""
    record = instance.get_latest_materialization_event(dg.AssetKey([connection, "marker"]))
    shown = record.asset_materialization if record else None
    version = shown.metadata.get("version") if shown else None
    if record is None or version is None or not isinstance(version.value, int):
        return None
    return LastCommit(version.value, datetime.fromtimestamp(record.timestamp, UTC))
