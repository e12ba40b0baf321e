-- Grants: none. PostgreSQL 12+. Those of extensions too: they are in the schema like any other.
-- Materialized: printed twice, in the condition and in the result, a routine could be dropped in between.
with routine as materialized (
    select
        n.nspname as schema,
        p.proname as procedure,
        case p.prokind
            when 'a' then 'AGGREGATE'
            when 'p' then 'PROCEDURE'
            else 'FUNCTION'
        end as kind,
        pg_get_function_identity_arguments(p.oid) as signature,
        l.lanname as language,
        pg_get_function_arguments(p.oid) as arguments,
        pg_get_function_result(p.oid) as return_type,
        case
            -- No function prints an aggregate whole: its parts, as in create aggregate.
            when p.prokind = 'a' then concat_ws(
                ', ',
                'sfunc = ' || cast(cast(a.aggtransfn as regprocedure) as text),
                'stype = ' || format_type(a.aggtranstype, null),
                'finalfunc = ' || cast(cast(nullif(a.aggfinalfn, 0) as regprocedure) as text),
                'combinefunc = ' || cast(cast(nullif(a.aggcombinefn, 0) as regprocedure) as text),
                'msfunc = ' || cast(cast(nullif(a.aggmtransfn, 0) as regprocedure) as text),
                'minvfunc = ' || cast(cast(nullif(a.aggminvtransfn, 0) as regprocedure) as text),
                'mstype = ' || format_type(nullif(a.aggmtranstype, 0), null),
                'mfinalfunc = ' || cast(cast(nullif(a.aggmfinalfn, 0) as regprocedure) as text),
                'sortop = ' || cast(cast(nullif(a.aggsortop, 0) as regoperator) as text),
                'initcond = ' || quote_literal(a.agginitval),
                'minitcond = ' || quote_literal(a.aggminitval),
                'parallel = ' || cast(p.proparallel as text)
            )
            else pg_get_functiondef(p.oid)
        end as definition,
        pg_get_userbyid(p.proowner) as owner,
        m.description as comment,
        cast(p.oid as text) as native_id,
        cast(null as timestamptz) as created_at,
        cast(null as timestamptz) as altered_at
    from pg_proc as p
    join pg_namespace as n
        on n.oid = p.pronamespace
    join pg_language as l
        on l.oid = p.prolang
    left join pg_aggregate as a
        on a.aggfnoid = p.oid
    left join pg_description as m
        on m.classoid = 'pg_proc'::regclass
        and m.objoid = p.oid
        and m.objsubid = 0
    where n.nspname = any(cast(:schemas as text[]))
)
select
    schema,
    procedure,
    kind,
    signature,
    language,
    arguments,
    return_type,
    definition,
    owner,
    comment,
    native_id,
    created_at,
    altered_at
from routine
-- Null if it was dropped since this snapshot.
where signature is not null
    and definition is not null
