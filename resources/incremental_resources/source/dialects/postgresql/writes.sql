-- Grants: none. PostgreSQL 12+. How often a row was written to the catalogs that the probe reads: counters that only grow.
-- They move at the latest ten seconds after the session that wrote is in no transaction any more, and start anew with the
-- server, after a crash of one of its processes, or when somebody resets them.
-- Null where they do not tell all: before 15 one could be lost, or wait for as long as its session idled; a standby does not
-- count what it replays. (PostgreSQL 15, "The Cumulative Statistics System"; backend/utils/activity/pgstat.c.)
select
    case
        when cast(current_setting('server_version_num') as int) >= 150000
            and cast(current_setting('track_counts') as boolean)
            and not pg_is_in_recovery()
            then concat_ws(
                ' ',
                sum(
                    pg_stat_get_tuples_inserted(catalog)
                    + pg_stat_get_tuples_updated(catalog)
                    + pg_stat_get_tuples_deleted(catalog)
                ),
                pg_postmaster_start_time(),
                pg_stat_get_bgwriter_stat_reset_time(),
                min(pg_stat_get_db_stat_reset_time(pg_database.oid)),
                min(pg_database.oid)
            )
    end as writes
from pg_database
cross join unnest(
    array[
        'pg_aggregate',
        'pg_attrdef',
        'pg_attribute',
        'pg_authid',
        'pg_cast',
        'pg_class',
        'pg_collation',
        'pg_constraint',
        'pg_database',
        'pg_description',
        'pg_enum',
        'pg_inherits',
        'pg_language',
        'pg_namespace',
        'pg_opclass',
        'pg_operator',
        'pg_proc',
        'pg_rewrite',
        'pg_shdescription',
        'pg_ts_config',
        'pg_ts_dict',
        'pg_type'
    ]::regclass[]
) as catalog
where pg_database.datname = current_database()
