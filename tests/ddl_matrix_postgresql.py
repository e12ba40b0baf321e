"""Kinds of DDL on PostgreSQL, for ``ddl_matrix``; ``contract/test_postgresql_tokens`` has more.

Left out is what reaches beyond its database: roles, other databases, what is built in.
"""

import re

from tests.ddl_matrix import Matrix, case
from tests.postgresql_changes import BASE, REAL_CHANGES
from tests.postgresql_names import NAMED_IN_COLUMNS, NO_CHANGES

# Every statement's session begins with this path, as those of the base do.
HERE = (
    "do $$ begin execute format('alter database %I set search_path = here', current_database()); "
    "end $$"
)
BEYOND = re.compile(r"\brole\b|owner to|\bdatabase\b")
EVERY_THIRD = 3

CHANGES = {name: case(do, after=after) for name, (after, do) in REAL_CHANGES.items()}
NAMED = {name: case(do, after=after) for name, (after, do) in [*NAMED_IN_COLUMNS.items()]}
NOTHING = {name: case(*do, after=after) for name, (after, do, *_) in NO_CHANGES.items()}
MORE = {
    "two tables swap their names": case(
        "alter table t rename to x",
        "alter table parent rename to t",
        "alter table x rename to parent",
    ),
    "change and its reversal": case(
        "alter table t add column z integer", "alter table t drop column z"
    ),
    "drop and make it again, alike": case(
        "drop table parent", "create table parent (id integer primary key, name text)"
    ),
}

MATRICES = {
    "postgresql": Matrix(
        (*BASE, HERE),
        {
            name: one
            for name, one in (
                *list(CHANGES.items()),
                *list(NAMED.items())[::EVERY_THIRD],
                *NOTHING.items(),
                *MORE.items(),
            )
            if not any(BEYOND.search(statement) for statement in (*one.after, *one.do))
        },
    )
}
