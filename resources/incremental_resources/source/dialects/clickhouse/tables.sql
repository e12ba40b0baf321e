-- Grants: show tables, show columns. ClickHouse 24.3+.
-- Left out: where materialized views keep their rows (.inner...), which are theirs, and temporary tables.
-- A rename keeps uuid and times, so the name is in the token; create_table_query has not all that columns.sql prints.
with listed as (
    select
        *
    from system.tables
    where not is_temporary
        and not match(name, '^\\.(inner|tmp\\.inner)(_id)?\\.')
        and database in (
            select arrayJoin(JSONExtract(:schemas, 'Array(String)'))
        )
),
printed as (
    select
        database,
        table,
        count() as columns,
        arraySort(
            groupArray(
                (position, name, type, default_kind, default_expression, comment, is_in_primary_key)
            )
        ) as texts
    from system.columns
    where database in (
        select arrayJoin(JSONExtract(:schemas, 'Array(String)'))
    )
    group by
        database,
        table
)
select
    l.database as schema,
    l.name as "table",
    multiIf(
        l.engine in ('View', 'LiveView', 'WindowView'), 'VIEW',
        l.engine = 'MaterializedView', 'MATERIALIZED VIEW',
        l.engine = 'Dictionary', 'OTHER',
        l.engine in (
            'AzureBlobStorage', 'AzureQueue', 'DeltaLake', 'ExternalDistributed', 'File', 'HDFS', 'Hive', 'Hudi', 'Iceberg',
            'JDBC', 'Kafka', 'MongoDB', 'MySQL', 'NATS', 'ODBC', 'PostgreSQL', 'RabbitMQ', 'Redis', 'S3', 'S3Queue', 'SQLite',
            'URL'
        ), 'EXTERNAL TABLE',
        'TABLE'
    ) as kind,
    nullIf(toString(l.uuid), '00000000-0000-0000-0000-000000000000') as native_id,
    null as owner,
    nullIf(l.comment, '') as comment,
    null as created_at,
    nullIf(toInt64(toUnixTimestamp(l.metadata_modification_time)) * 1000000, 0) as altered_at,
    l.total_rows as row_count,
    l.total_bytes as size_bytes,
    coalesce(p.columns, 0) as column_count,
    l.create_table_query as definition,
    null as parent_schema,
    null as parent_table,
    hex(
        sipHash128(
            toString((l.create_table_query, toString(l.uuid), l.database, l.name, l.comment)),
            toString(p.texts)
        )
    ) as token
from listed as l
left join printed as p
    on p.database = l.database
    and p.table = l.name
