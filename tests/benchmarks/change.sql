-- Needs ownership of the tables to run what it returns; PostgreSQL 11. One statement per chosen table.
with own as (
    select
        c.oid,
        c.relkind,
        n.nspname,
        c.relname
    from pg_class as c
    join pg_namespace as n
        on n.oid = c.relnamespace
    where c.relkind in ('r', 'v')
        and n.nspname not in ('information_schema', 'public')
        and n.nspname not like 'pg\_%%'
),
ranked as (
    select
        own.oid,
        own.nspname,
        own.relname,
        row_number() over (
            order by hashtextextended(own.nspname || '.' || own.relname, %(seed)s)
        ) as place
    from own
    where own.relkind = 'r'
        and not exists (
            select
            from pg_depend as d
            where d.refclassid = 'pg_class'::regclass
                and d.refobjid = own.oid
                and d.classid = 'pg_rewrite'::regclass
        )
),
chosen as (
    select
        ranked.place,
        format('%%I.%%I', ranked.nspname, ranked.relname) as path,
        (
            select max(a.attnum)
            from pg_attribute as a
            where a.attrelid = ranked.oid
        ) as last_number,
        (
            select a.attname
            from pg_attribute as a
            where a.attrelid = ranked.oid
                and a.attnum > 2
                and not a.attisdropped
            order by a.attnum desc
            limit 1
        ) as last_column,
        (
            select a.atttypmod - 4
            from pg_attribute as a
            where a.attrelid = ranked.oid
                and a.attname = 'name'
        ) as length
    from ranked
    where ranked.place <= greatest(1, round((select count(*) from own) * %(share)s))
)
select
    case place %% 6
        when 0 then 'add column'
        when 1 then 'drop column'
        when 2 then 'column comment'
        when 3 then 'type'
        when 4 then 'default'
        else 'table comment'
    end as kind,
    case place %% 6
        when 0 then format('alter table %%s add column added_%%s text', path, last_number + 1)
        when 1 then format('alter table %%s drop column %%I', path, last_column)
        when 2 then format(
            'comment on column %%s.name is %%L', path, 'Revised ' || clock_timestamp()
        )
        when 3 then format('alter table %%s alter column name type varchar(%%s)', path, length + 10)
        when 4 then format(
            'alter table %%s alter column name set default %%L',
            path,
            left(md5(clock_timestamp()::text), 12)
        )
        else format('comment on table %%s is %%L', path, 'Revised ' || clock_timestamp())
    end as statement
from chosen
order by place
