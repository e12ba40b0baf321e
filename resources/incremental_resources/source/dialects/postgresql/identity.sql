-- Grants: none (pg_control_system and pg_control_checkpoint are public unless revoked). PostgreSQL 12+.
-- A copy of the data directory keeps the system identifier; a promoted standby gets a timeline of its own.
-- A copy that is started is known by the time of its start. After a crash of one of its processes a server goes on with the
-- same start, but its shared statistics begin anew: transactions that were not flushed are lost, and their ids given again.
select
    cast(system.system_identifier as text) as system_identifier,
    case
        when pg_is_in_recovery() then (select timeline_id from pg_control_checkpoint())
        else cast(cast('x' || left(pg_walfile_name(pg_current_wal_flush_lsn()), 8) as bit(32)) as int)
    end as timeline,
    -- Flushed or replayed: a crash cannot take these back.
    pg_wal_lsn_diff(
        case
            when pg_is_in_recovery() then pg_last_wal_replay_lsn()
            else pg_current_wal_flush_lsn()
        end,
        '0/0'
    ) as position_wal,
    txid_snapshot_xmax(txid_current_snapshot()) as position_xid,
    pg_postmaster_start_time() as restart_started,
    pg_stat_get_bgwriter_stat_reset_time() as restart_recovered
from pg_control_system() as system
