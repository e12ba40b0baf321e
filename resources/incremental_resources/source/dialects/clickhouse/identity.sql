-- Grants: none. ClickHouse 24.3+. In process there is no server, and the id is zero; a copy's tokens say what it holds.
select
    toString(serverUUID()) as server
