"""A catalogue read in the two plain ways: one statement by the product's driver, or the Inspector.

``python -m tests.benchmarks.plain floor|inspector``; the URL comes from the environment variable
BENCHMARK_URL. Prints the seconds from the connection to the last row, and how many columns it saw.
"""

import json
import os
import sys
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, create_engine, inspect, text
from sqlalchemy.engine.reflection import ObjectKind

from incremental_resources.source.dialect import dialect_for, parse_url

SYSTEM = ("information_schema", "mysql", "performance_schema", "sys", "system")


def main(way: str) -> None:
    """Read everything and say what it took."""
    url = parse_url(os.environ["BENCHMARK_URL"])
    dialect = dialect_for(url)
    read = {"floor": floor, "inspector": inspector}[way]
    started = time.perf_counter()
    columns = read(url.set(drivername=dialect.drivername), dialect.name)
    seconds = time.perf_counter() - started
    sys.stdout.write(json.dumps({"seconds": seconds, "columns": columns}))


def floor(url: URL, product: str) -> int:
    """One statement for all columns."""
    path = Path(__file__).with_name("floors") / f"{product}.sql"
    statement = path.read_text("utf-8")
    if product in DRIVERS:
        return DRIVERS[product](str(url.database), statement)
    with create_engine(url).connect() as connection:
        return len(connection.execute(text(statement)).all())


def _duckdb(path: str, statement: str) -> int:
    import duckdb

    with duckdb.connect(path, read_only=True) as connection:
        return len(connection.execute(statement).fetchall())


def _chdb(path: str, statement: str) -> int:
    import chdb

    with closing(chdb.connect(path)) as connection:
        return len(connection.query(statement, "JSONCompactEachRow").bytes().splitlines())


# SQLAlchemy has no dialect for these that could open a connection by itself.
DRIVERS = {"clickhouse": _chdb, "duckdb": _duckdb}


def inspector(url: URL, product: str) -> int:
    """SQLAlchemy's Inspector: columns, primary and foreign keys of each schema."""
    if product in DRIVERS:
        raise SystemExit("there is no Inspector for it")
    found = inspect(create_engine(url))
    # MariaDB's and MySQL's schemas are those of the whole server.
    there = [url.database] if url.drivername.startswith("mysql") else found.get_schema_names()
    columns = 0
    for schema in there:
        if schema in SYSTEM:
            continue
        columns += sum(map(len, found.get_multi_columns(schema, kind=ObjectKind.ANY).values()))
        found.get_multi_pk_constraint(schema, kind=ObjectKind.ANY)
        found.get_multi_foreign_keys(schema, kind=ObjectKind.ANY)
    return columns


if __name__ == "__main__":
    main(sys.argv[1])
