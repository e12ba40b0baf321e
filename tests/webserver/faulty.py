"""A PostgreSQL whose columns cannot be read when a test does not want it.

A relation named in its table ``control.fault`` makes the query of its batch fail; while a session
holds the advisory lock ``BLOCKED``, all such queries wait, up to five minutes. For that, sources
read a copy of the dialect's folder with another columns.sql.
"""

from dataclasses import replace

from incremental_assets.config.connection import Connection
from incremental_assets.config.model import Config
from incremental_resources.source.source import Source

PACKAGE = "faulty_dialects"

SCHEMA = (
    "create schema control",
    "create table control.fault (relation text)",
    "grant usage on schema control to public",
    "grant select on control.fault to public",
)

BLOCKED = 1

# Waiting for the lock itself would end with the session's lock_timeout.
COLUMNS = """-- Grants: select on control.fault. PostgreSQL 12+. The query that ships, and faults.
with patience as materialized (
    select
        pg_sleep(0.1)
    from generate_series(1, 3000)
    where not pg_try_advisory_xact_lock_shared({blocked})
),
fault as materialized (
    select
        f.relation
    from control.fault as f
    join pg_class as c
        on c.relname = f.relation
    where c.oid = any (cast(:oids as oid[]))
)
select
    given.*
from (
{given}
) as given
where (select count(*) from patience) >= 0
    and 1 / (select case when count(*) = 0 then 1 else 0 end from fault) = 1
"""


def open_source(config: Config, connection: Connection) -> Source:
    """The source of a connection, as ``wiring.open_source`` opens it, but for the dialect."""
    return Source(
        connection.address,
        replace(connection.dialect(), package=PACKAGE),
        connection.scope(),
        statement_timeout_seconds=connection.options.statement_timeout_seconds,
        name=connection.name,
    )
