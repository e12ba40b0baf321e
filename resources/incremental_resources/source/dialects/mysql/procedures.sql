-- Grants: show_routine; without it only routines that the role made, or may execute, are shown. MySQL 8.0.30+.
-- A name stands for one routine of a kind, so that the signature is empty.
with parameter as (
    select
        specific_schema collate utf8mb3_bin as specific_schema,
        specific_name collate utf8mb3_bin as specific_name,
        routine_type,
        group_concat(
            concat_ws(
                ' ',
                case when routine_type = 'PROCEDURE' then parameter_mode end,
                parameter_name,
                dtd_identifier
            )
            order by ordinal_position
            separator ', '
        ) as arguments
    from information_schema.parameters
    where specific_schema in :schemas
        and ordinal_position > 0
    group by
        specific_schema collate utf8mb3_bin,
        specific_name collate utf8mb3_bin,
        routine_type
)
select
    r.routine_schema as `schema`,
    r.routine_name as `procedure`,
    r.routine_type as kind,
    '' as signature,
    coalesce(nullif(r.external_language, ''), r.routine_body) as language,
    p.arguments,
    nullif(r.dtd_identifier, '') as return_type,
    r.routine_definition as definition,
    r.definer as owner,
    nullif(r.routine_comment, '') as comment,
    null as native_id,
    r.created as created_at,
    r.last_altered as altered_at
from information_schema.routines as r
left join parameter as p
    on p.specific_schema = r.routine_schema collate utf8mb3_bin
    and p.specific_name = r.specific_name collate utf8mb3_bin
    and p.routine_type = r.routine_type
where r.routine_schema in :schemas
