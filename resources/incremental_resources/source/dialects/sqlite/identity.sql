-- Grants: read access to the file. SQLite 3.37+.
-- A file has no id of its own. It needs none: tokens are hashes of content, so that another file in
-- its place cannot pass for it. The schema version counts statements of DDL, and is smaller in a
-- backup taken before them.
select
    identity.application_id,
    characters.encoding,
    counter.schema_version as position_schema_version
from pragma_application_id as identity
cross join pragma_encoding as characters
cross join pragma_schema_version as counter
