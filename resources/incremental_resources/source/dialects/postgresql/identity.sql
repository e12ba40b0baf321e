-- Grants: none (pg_control_system and pg_control_checkpoint are public unless revoked). PostgreSQL 12+.
-- A copy of the data directory keeps the system identifier; a promoted standby gets a timeline of its own.
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
    txid_snapshot_xmax(txid_current_snapshot()) as position_xid
from pg_control_system() as system
