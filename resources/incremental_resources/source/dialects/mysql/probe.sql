-- Grants: those of the listings. MySQL 8.0.30+. One checksum over all that the listings and columns.sql print, as the
-- versions of the dictionary's rows are for nobody to see. Sums, as group_concat ends at max_allowed_packet.
with printed as (
    select
        sha2(json_array('schema', schema_name), 256) as hash
    from information_schema.schemata
    where schema_name in :schemas
    union all
    select
        sha2(
            json_array(
                'table',
                table_schema,
                table_name,
                engine,
                create_options like '%partitioned%',
                table_comment
            ),
            256
        )
    from information_schema.tables
    where table_schema in :schemas
        and table_type = 'BASE TABLE'
    union all
    select
        sha2(json_array('view', table_schema, table_name, definer, view_definition), 256)
    from information_schema.views
    where table_schema in :schemas
    union all
    select
        sha2(
            json_array(
                'column',
                table_schema,
                table_name,
                column_name,
                ordinal_position,
                column_type,
                is_nullable,
                column_default,
                generation_expression,
                extra,
                column_comment,
                collation_name
            ),
            256
        )
    from information_schema.columns
    where table_schema in :schemas
    union all
    select
        sha2(
            json_array(
                'key',
                table_schema,
                table_name,
                column_name,
                constraint_name,
                ordinal_position,
                referenced_table_schema,
                referenced_table_name,
                referenced_column_name
            ),
            256
        )
    from information_schema.key_column_usage
    where table_schema in :schemas
        and (constraint_name = 'PRIMARY' or referenced_table_name is not null)
    union all
    select
        sha2(
            json_array(
                'routine',
                routine_schema,
                routine_name,
                routine_type,
                external_language,
                dtd_identifier,
                routine_definition,
                definer,
                routine_comment,
                created
            ),
            256
        )
    from information_schema.routines
    where routine_schema in :schemas
    union all
    select
        sha2(
            json_array(
                'parameter',
                specific_schema,
                specific_name,
                routine_type,
                ordinal_position,
                parameter_mode,
                parameter_name,
                dtd_identifier
            ),
            256
        )
    from information_schema.parameters
    where specific_schema in :schemas
)
select
    concat_ws(
        ' ',
        count(*),
        sum(cast(conv(left(hash, 16), 16, 10) as decimal(20))),
        sum(cast(conv(right(hash, 16), 16, 10) as decimal(20)))
    ) as probe
from printed
