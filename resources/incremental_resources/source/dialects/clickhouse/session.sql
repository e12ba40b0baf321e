-- Grants: none. ClickHouse 24.3+. What may be said twice: the login's own profile comes first where it forbids to set it.
-- Of the others: not the same shape of answer everywhere, and no passwords in texts.
set
    readonly = 2,
    max_execution_time = :statement_timeout_seconds,
    output_format_json_quote_64bit_integers = 0,
    output_format_json_validate_utf8 = 0,
    format_display_secrets_in_show_and_select = 0,
    join_use_nulls = 1,
    transform_null_in = 0
