"""The diff of any two versions of a connection, and whether their native ids can be compared.

The diff that a refresh makes of its frames is in ``merging``.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from incremental_assets.core.change import Comparison
from incremental_assets.core.diff import Diff, diff
from incremental_assets.core.marker import foreign_ids, other_server
from incremental_assets.core.scope import Scope
from incremental_assets.steps.stored import frames_of
from incremental_resources.source.dialect import Dialect
from incremental_resources.state_store.version import Version

ServerFacts = Mapping[str, Any] | None


def sources_of(versions: Sequence[Version]) -> list[ServerFacts]:
    """What each version recorded of the server that it was read from."""
    return [version.manifest.source for version in versions]


def same_source(sources: Sequence[ServerFacts]) -> bool:
    """Whether one server, always going on in time, was read for all of these, newest first.

    Only then are native ids and tokens of the last still those of the same objects.
    """
    known = [source for source in sources if source and not foreign_ids(source)]
    return len(known) == len(sources) and all(
        other_server(older, newer) is None for newer, older in pairwise(known)
    )


def changes_between(before: Version, after: Version, dialect: Dialect, *, trusted: bool) -> Diff:
    """What has to happen to ``before`` for it to be ``after``.

    Without ``trusted``, nothing counts as renamed.
    """
    comparison = Comparison(
        scope=Scope.from_json(after.manifest.scope),
        base_scope=Scope.from_json(before.manifest.scope),
        durable_ids=dialect.durable_ids and trusted,
        durable_ordinals=dialect.durable_ordinals and trusted,
    )
    return diff(frames_of(before), frames_of(after), comparison)
