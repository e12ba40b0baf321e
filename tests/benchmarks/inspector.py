"""The same catalogue through SQLAlchemy's Inspector, the usual way of reading one in Python.

Columns, primary keys and table comments of every schema, three calls a schema. The URL comes from
the environment variable BENCHMARK_URL.
"""

import os
import sys

from sqlalchemy import create_engine, inspect, make_url
from sqlalchemy.engine.reflection import ObjectKind


def main() -> None:
    """Read everything and write how many columns, keys and comments there were."""
    url = make_url(os.environ["BENCHMARK_URL"]).set(drivername="postgresql+psycopg")
    inspector = inspect(create_engine(url))
    columns = keys = comments = 0
    for schema in inspector.get_schema_names():
        if schema == "information_schema":
            continue
        found = inspector.get_multi_columns(schema, kind=ObjectKind.ANY)
        columns += sum(len(table) for table in found.values())
        primary = inspector.get_multi_pk_constraint(schema, kind=ObjectKind.ANY)
        keys += sum(bool(key and key["constrained_columns"]) for key in primary.values())
        described = inspector.get_multi_table_comment(schema, kind=ObjectKind.ANY)
        comments += sum(bool(comment and comment["text"]) for comment in described.values())
    sys.stdout.write(f"{columns} columns, {keys} primary keys, {comments} table comments\n")


if __name__ == "__main__":
    main()
