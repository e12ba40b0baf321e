"""The benchmark's catalogue holds what its README promises. Nothing is timed."""

import psycopg

from tests.benchmarks import catalog


def test_a_catalogue_of_102_holds_what_is_promised(fresh_database: str) -> None:
    made = catalog.generate(fresh_database, 102)

    assert made == catalog.Counts(
        schemas=50,
        tables=100,
        views=2,
        columns=102 * 20,
        primary_keys=100,
        routines=200,
        table_comments=10,
        column_comments=200,
    )


def test_a_change_alters_the_asked_share_and_another_seed_other_tables(
    fresh_database: str,
) -> None:
    before = catalog.generate(fresh_database, 102)

    altered = [catalog.change(fresh_database, share=0.12, seed=seed) for seed in (1, 2)]

    kinds = ("add column", "column comment", "default", "drop column", "table comment", "type")
    assert altered == [dict.fromkeys(kinds, 2)] * 2
    assert catalog.counts(fresh_database).relations == before.relations
    assert len(tables_with_an_added_column(fresh_database)) == 4


def tables_with_an_added_column(url: str) -> set[str]:
    """The tables to which a change has added a column."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select distinct attrelid::text from pg_attribute where attname like 'added%'"
        )
        return {str(name) for (name,) in rows}
