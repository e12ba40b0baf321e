"""Whether two pictures of a source are the same, as law 1 means it: statistics apart.

What differs, and how to tell people, is diff's matter.
"""

from collections.abc import Mapping

import polars as pl

from incremental_assets.core.entities import ENTITIES


def unequal(one: Mapping[str, pl.LazyFrame], other: Mapping[str, pl.LazyFrame]) -> dict[str, int]:
    """Entity -> rows that only one side has, for the entities that are not equal.

    Keys and compared attributes count; bookkeeping (row counts, tokens and the like) does not.
    """
    found = {}
    for name in sorted(one.keys() | other.keys()):
        compared = [*ENTITIES[name].key, *ENTITIES[name].compared]
        empty = ENTITIES[name].empty().lazy()
        left = one.get(name, empty).select(compared)
        right = other.get(name, empty).select(compared)
        missing = left.join(right, on=compared, how="anti", nulls_equal=True)
        extra = right.join(left, on=compared, how="anti", nulls_equal=True)
        rows = pl.concat([missing, extra]).select(pl.len()).collect().item()
        if rows:
            found[name] = int(rows)
    return found
