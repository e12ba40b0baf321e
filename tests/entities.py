"""Which entities a connection may have: three of them always, the others as it likes."""

from itertools import combinations

import pytest

from incremental_resources.source.dialect import dialect_for

ALWAYS = ("databases", "schemas", "tables")
# A URL of every product that ships; nobody connects to it.
URLS = {
    "clickhouse": "clickhouse://nobody@localhost/shop",
    "duckdb": "duckdb:///./shop.duckdb",
    "postgresql": "postgresql://nobody@localhost/shop",
    "sqlite": "sqlite:///./shop.db",
}


def subsets(name: str) -> list[tuple[str, ...]]:
    """What ``entities`` may be for a product, in its order."""
    all_of_it = dialect_for(URLS[name]).entities
    optional = [entity for entity in all_of_it if entity not in ALWAYS]
    return [
        tuple(entity for entity in all_of_it if entity in (*ALWAYS, *chosen))
        for number in range(len(optional) + 1)
        for chosen in combinations(optional, number)
    ]


SUBSETS = [
    pytest.param(name, entities, id=f"{name}-{'+'.join(entities[3:]) or 'none'}")
    for name in URLS
    for entities in subsets(name)
]
