-- Grants: none. MySQL 8.0.30+. A copy of the data directory keeps server_uuid.
-- Tokens are hashes of content, so that a copy of the server needs no other position to be told apart.
select
    @@server_uuid as server_uuid,
    @@hostname as hostname,
    @@port as port
