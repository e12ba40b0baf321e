"""A table's changes through versions, whoever had its name."""

from incremental_assets.core.history import Entry, Key, table_histories
from tests.shop_versions import diff_of


def key(name: str) -> Key:
    return ("shop", "public", name)


def told(entries: list[Entry]) -> list[tuple[int, str, str | None]]:
    return [(entry.version, entry.row["change"], entry.column) for entry in entries]


def row(name: str, change: str, was: str | None = None, **more: str) -> dict[str, str]:
    database, schema, table = key(name)
    found = {"database": database, "schema": schema, "table": table, "change": change, **more}
    if was is not None:
        found |= dict(
            zip(("previous_database", "previous_schema", "previous_table"), key(was), strict=True)
        )
    return found


VERSIONS = [
    (
        4,
        {
            "tables": diff_of("tables", row("old", "UPDATED", attribute="comment")).lazy(),
            "columns": diff_of("columns", row("new", "DELETED", column="b")).lazy(),
        },
    ),
    (
        3,
        {
            "tables": diff_of("tables", row("new", "RENAMED", "old"), row("old", "CREATED")).lazy(),
        },
    ),
    (
        2,
        {
            "tables": diff_of("tables", row("old", "UPDATED", attribute="owner")).lazy(),
            "columns": diff_of(
                "columns",
                row("old", "CREATED", column="b"),
                row("other", "CREATED", column="b"),
            ).lazy(),
        },
    ),
]


def test_a_table_is_followed_to_the_names_it_had() -> None:
    found = table_histories([key("new")], VERSIONS)
    assert told(found[key("new")]) == [
        (4, "DELETED", "b"),
        (3, "RENAMED", None),
        (2, "UPDATED", None),
        (2, "CREATED", "b"),
    ]


def test_who_took_the_name_of_a_renamed_table_has_none_of_its_past() -> None:
    found = table_histories([key("new"), key("old")], VERSIONS)
    assert told(found[key("old")]) == [(4, "UPDATED", None), (3, "CREATED", None)]
    assert len(found[key("new")]) == 4


def test_a_table_that_never_changed_has_no_history() -> None:
    assert table_histories([key("still")], VERSIONS) == {key("still"): []}
