"""MySQL: what differs from MariaDB. The queries are the SQL files here, then MariaDB's."""

from dataclasses import replace

from incremental_resources.source.dialects.mariadb.connect import connect_to
from incremental_resources.source.dialects.mariadb.dialect import DIALECT as MARIADB

DIALECT = replace(
    MARIADB,
    name="mysql",
    title="MySQL",
    url_schemes=("mysql",),
    extra="mysql",
    # The collation utf8mb3_bin had another name before.
    minimum_version=(8, 0, 30),
    verified="on a live server of 9.7, every kind of DDL: see tests/contract",
    connect=connect_to("MySQL", "mariadb"),
    parent=MARIADB,
)
