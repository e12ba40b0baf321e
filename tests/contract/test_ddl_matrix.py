"""Each kind of DDL on a live server of every product that has a matrix: nothing is missed.

The table in the dialect's folder says what comes of each.
"""

from collections.abc import Iterator

import pytest

from incremental_resources.source.dialect import dialects
from tests import (
    ddl_matrix_clickhouse,
    ddl_matrix_duckdb,
    ddl_matrix_mysql,
    ddl_matrix_postgresql,
    ddl_matrix_sqlite,
)
from tests.ddl_matrix import MISSED, Matrix, look, outcome, path_of, row, table_of, write
from tests.sources import SOURCES, Live

MATRICES: dict[str, Matrix] = {
    **ddl_matrix_clickhouse.MATRICES,
    **ddl_matrix_duckdb.MATRICES,
    **ddl_matrix_mysql.MATRICES,
    **ddl_matrix_postgresql.MATRICES,
    **ddl_matrix_sqlite.MATRICES,
}
LEAST = {"clickhouse": 20, "duckdb": 20, "mariadb": 30, "mysql": 30, "postgresql": 40, "sqlite": 20}
CASES = [(product, name) for product, matrix in MATRICES.items() for name in matrix.cases]


@pytest.fixture(scope="module")
def found() -> Iterator[dict[str, dict[str, str]]]:
    """Lines by product, as they come."""
    lines: dict[str, dict[str, str]] = {product: {} for product in MATRICES}
    yield lines
    for product, rows in lines.items():
        if rows:
            write(product, dialects()[product].title, rows)


@pytest.fixture
def ground(request: pytest.FixtureRequest) -> Live:
    product = request.param
    live = SOURCES[product](request)
    live.ddl(*MATRICES[product].base)
    return live


@pytest.mark.parametrize(("ground", "name"), CASES, indirect=["ground"])
def test_this_ddl_comes_to_what_the_table_says(
    ground: Live, name: str, found: dict[str, dict[str, str]]
) -> None:
    product = ground.dialect.name
    one = MATRICES[product].cases[name]
    try:
        ground.ddl(*one.after)
        with ground.source() as source:
            before = look(source)
            ground.ddl(*one.do)
            came_to = outcome(before, look(source))
    finally:
        ground.ddl(*one.undo)
    found[product][name] = row(name, one, came_to)
    write(product, ground.dialect.title, found[product])
    assert came_to[0] != MISSED, came_to
    assert table_of(product)[name] == found[product][name]


@pytest.mark.parametrize("product", MATRICES)
def test_the_table_has_every_case_and_no_other(product: str) -> None:
    assert list(table_of(product)) == list(MATRICES[product].cases)
    assert len(table_of(product)) >= LEAST[product]
    assert MISSED not in path_of(product).read_text()
