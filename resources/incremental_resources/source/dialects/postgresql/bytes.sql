-- Grants: none. PostgreSQL 12+. From here to the end of the transaction texts are sent as the bytes they are stored in.
select
    set_config('client_encoding', 'SQL_ASCII', true)
