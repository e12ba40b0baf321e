"""The columns of DuckDB's views as they are now: a file keeps those of when a view was made.

``select *`` has more of them after ``add column``. One that cannot be bound (it reads what is gone,
or a file or an address, which nothing of ours opens) is left out: it has those that are kept.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

VIEWS = """
    select v.view_oid, s.database, s.quoted, v.view_name
    from duckdb_views() as v
    join listed_schema as s on s.oid = v.schema_oid and s.database = v.database_name
    where not v.internal and not v.temporary
"""
# One parameter for each column: a list.
BOUND = """
    create temporary table bound_column as
    select
        unnest(cast(? as bigint[])) as oid,
        unnest(cast(? as bigint[])) as place,
        unnest(cast(? as varchar[])) as name,
        unnest(cast(? as varchar[])) as data_type
"""


def bind_views(client: Any) -> None:
    """Fill ``bound_column`` for the database of ``listed_schema``."""
    found = list(_columns(client, client.execute(VIEWS).fetchall()))
    client.execute(BOUND, [list(values) for values in zip(*found, strict=True)] or [[], [], [], []])


def _columns(client: Any, views: list[tuple[Any, ...]]) -> Iterator[tuple[int, int, str, str]]:
    import duckdb

    # A statement that fails would end the session's transaction; this is one beside it.
    with closing(client.cursor()) as beside:
        for oid, database, schema, name in views:
            try:
                found = beside.execute(f"describe {view_quoted(database, schema, name)}").fetchall()
            except duckdb.InterruptException:
                raise
            except duckdb.Error:
                continue
            for at, (column, data_type, *_) in enumerate(found, 1):
                yield oid, at, column, data_type


# Neither `describe` nor `attach` takes a value that is bound.


def quoted(name: str) -> str:
    """``name`` as an identifier."""
    return '"' + name.replace('"', '""') + '"'


def view_quoted(database: str, schema: str, name: str) -> str:
    """A view as identifiers; ``schema``, a path of schemas, is quoted already."""
    return f"{quoted(database)}.{schema}.{quoted(name)}"


def text_quoted(text: str) -> str:
    """``text`` as a value."""
    return "'" + text.replace("'", "''") + "'"
