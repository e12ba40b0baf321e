-- Grants: none. ClickHouse 24.3+. There is one level where others have two: its databases are our schemas.
select
    :database as database,
    null as owner,
    null as comment,
    null as native_id
