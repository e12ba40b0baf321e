"""A PostgreSQL whose columns cannot be read while a table of it, ``control.fault``, says so.

A relation named in that table makes the query of its batch fail; whoever locks the table makes all
such queries wait. For that, sources read a copy of the dialect's folder with another columns.sql.
"""

from dataclasses import replace

from incremental_assets.config import Config, Connection
from resources.source.source import Source

PACKAGE = "faulty_dialects"

SCHEMA = ("create schema control", "create table control.fault (relation text)")

COLUMNS = """-- Grants: select on control.fault. PostgreSQL 12+. The query that ships, with a fault.
select
    given.*
from (
{given}
) as given
where 1 / (
    select
        case when count(*) = 0 then 1 else 0 end
    from control.fault as f
    join pg_class as c
        on c.relname = f.relation
    where c.oid = any (cast(:oids as oid[]))
) = 1
"""


def open_source(config: Config, connection: Connection) -> Source:
    """The source of a connection, as ``wiring.open_source`` opens it, but for the dialect."""
    return Source(
        connection.url.get_secret_value(),
        replace(connection.dialect(), package=PACKAGE),
        connection.scope(),
        statement_timeout_seconds=connection.options.statement_timeout_seconds,
        name=connection.name,
    )
