"""What databases answer when they are asked for their probes. The asking is in ``source.py``."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ProbeReading:
    """One database's probe, and what was counted of writes to its catalogs just before.

    ``writes`` is None where the dialect or this server cannot tell; two that are equal mean that
    the probe is still the same, if every session that wrote in between told of it by now.
    """

    probe: str
    writes: str | None


def combined(probes: Mapping[str, ProbeReading]) -> str:
    """The probe of a server whose databases, in this order, gave ``probes``."""
    parts = [[database, probed.probe] for database, probed in probes.items()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
