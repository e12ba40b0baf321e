-- Grants: show databases, show tables, show columns. ClickHouse 24.3+.
select
    hex(
        sipHash128(
            toString(
                (
                    select arraySort(groupArray((name, if(engine in ('Atomic', 'Replicated', 'Shared'), toString(uuid), ''), comment)))
                    from system.databases
                    where name in (
                        select arrayJoin(JSONExtract(:schemas, 'Array(String)'))
                    )
                )
            ),
            toString(
                (
                    select arraySort(groupArray((database, name, toString(uuid), create_table_query, comment)))
                    from system.tables
                    where not is_temporary
                        and database in (
                            select arrayJoin(JSONExtract(:schemas, 'Array(String)'))
                        )
                )
            ),
            toString(
                (
                    select arraySort(groupArray((database, table, position, name, type, default_kind, default_expression, comment)))
                    from system.columns
                    where database in (
                        select arrayJoin(JSONExtract(:schemas, 'Array(String)'))
                    )
                )
            )
        )
    ) as probe
