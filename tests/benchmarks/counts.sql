-- Needs no grant beyond connecting; PostgreSQL 11. What a catalogue holds outside the system schemas.
with own as (
    select oid
    from pg_namespace
    where nspname not in ('information_schema', 'public')
        and nspname not like 'pg\_%'
),
relation as (
    select
        c.oid,
        c.relkind
    from pg_class as c
    join own
        on own.oid = c.relnamespace
    where c.relkind in ('r', 'v')
)
select
    (select count(*) from own) as schemas,
    (select count(*) from relation where relkind = 'r') as tables,
    (select count(*) from relation where relkind = 'v') as views,
    (
        select count(*)
        from pg_attribute as a
        join relation as r
            on r.oid = a.attrelid
        where a.attnum > 0
            and not a.attisdropped
    ) as columns,
    (
        select count(*)
        from pg_constraint as k
        join relation as r
            on r.oid = k.conrelid
        where k.contype = 'p'
    ) as primary_keys,
    (
        select count(*)
        from pg_proc as p
        join own
            on own.oid = p.pronamespace
    ) as routines,
    (
        select count(*)
        from pg_description as t
        join relation as r
            on r.oid = t.objoid
        where t.classoid = 'pg_class'::regclass
            and t.objsubid = 0
    ) as table_comments,
    (
        select count(*)
        from pg_description as t
        join relation as r
            on r.oid = t.objoid
        where t.classoid = 'pg_class'::regclass
            and t.objsubid > 0
    ) as column_comments
