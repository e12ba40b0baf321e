-- Grants: none. PostgreSQL 12+. Settings of this transaction only, so that they also hold behind a transaction pooler.
-- The search path is not among them: it has to be ours before a name is looked up, see connect.py.
-- How defaults, types and definitions are printed depends on those down to standard_conforming_strings.
select
    set_config('TimeZone', 'UTC', true),
    set_config('DateStyle', 'ISO, YMD', true),
    set_config('IntervalStyle', 'postgres', true),
    set_config('extra_float_digits', '1', true),
    set_config('bytea_output', 'hex', true),
    set_config('lc_monetary', 'C', true),
    set_config('quote_all_identifiers', 'off', true),
    set_config('standard_conforming_strings', 'on', true),
    set_config('application_name', 'incremental-assets', true),
    set_config('jit', 'off', true),
    set_config('work_mem', '64MB', true),
    -- A view's text cannot be printed while someone holds an exclusive lock on what it reads.
    set_config('lock_timeout', '5s', true),
    set_config(
        'statement_timeout',
        cast(:statement_timeout_seconds as text) || 's',
        true
    )
