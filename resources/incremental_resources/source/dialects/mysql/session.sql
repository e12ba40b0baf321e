-- Grants: none. MySQL 8.0.30+. What decides how names, defaults and times are printed, and when a statement ends.
-- Numbers of rows are asked of the engines: those that the dictionary keeps are a day old, and 0 would pass for empty.
set
    session time_zone = '+00:00',
    session sql_mode = '',
    session lc_messages = 'en_US',
    session collation_connection = 'utf8mb4_bin',
    session group_concat_max_len = 1073741824,
    session information_schema_stats_expiry = 0,
    session lock_wait_timeout = 2,
    session max_execution_time = :statement_timeout_seconds * 1000
