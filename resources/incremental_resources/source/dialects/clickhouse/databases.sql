-- Grants: none. ClickHouse 24.3+. There is one level where others have two: its databases are our schemas.
-- What is in it has ids that are unique everywhere; this one has to be there for them to be looked at.
select
    :database as database,
    null as owner,
    null as comment,
    :database as native_id
