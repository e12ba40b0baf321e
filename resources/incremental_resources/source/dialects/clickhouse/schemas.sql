-- Grants: show databases. ClickHouse 24.3+. Other engines have no ids that last: chdb's own gets another at every start.
select
    name as schema,
    null as owner,
    nullIf(comment, '') as comment,
    if(engine in ('Atomic', 'Replicated', 'Shared'), toString(uuid), null) as native_id
from system.databases
where name not in ('system', 'information_schema', 'INFORMATION_SCHEMA')
