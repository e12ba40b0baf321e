-- Grants: none. MariaDB 10.6+. server_uid came with later releases: null where there is none.
-- Tokens are hashes of content, so that a copy of the server needs no other position to be told apart.
select
    @@hostname as hostname,
    @@port as port,
    @@server_id as server_id,
    (
        select
            variable_value
        from information_schema.global_variables
        where variable_name = 'SERVER_UID'
    ) as server_uid
