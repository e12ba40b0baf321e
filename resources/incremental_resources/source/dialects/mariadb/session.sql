-- Grants: none. MariaDB 10.6+. What decides how names, defaults and times are printed, and when a statement ends.
-- A table that somebody locks exclusively is given up after two seconds, and the listing goes on without it.
set
    session time_zone = '+00:00',
    session sql_mode = '',
    session lc_messages = 'en_US',
    session collation_connection = 'utf8mb4_bin',
    -- Long lists stay constants, which are looked at before a table is opened.
    session in_predicate_conversion_threshold = 0,
    session group_concat_max_len = 1073741824,
    session lock_wait_timeout = 2,
    session max_statement_time = :statement_timeout_seconds
