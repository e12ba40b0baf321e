"""Law 6 where a product hides what a role may not see: an absence may be a lost grant.

One small thing goes each time, which the guard's percentage would let go.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from incremental_assets.cli.running import Refresher
from incremental_assets.core.entities import COLUMNS, TABLES
from incremental_resources.source.errors import SourceUnavailable
from incremental_resources.state_store.memory import MemoryObjects
from tests import mysql_server
from tests.live import attempt, current, differences, refresh, refreshing, state
from tests.sources import CATALOGUE, ROUTINES, Live, listed, mysql

ROLE = "ia_hidden"
MADE = (
    *CATALOGUE,
    *(f"create table filler_{number} (a integer, b integer, c integer)" for number in range(20)),
    "create procedure look() begin end",
)


@dataclass(frozen=True)
class Hidden:
    """A database, and the same as a role sees it."""

    live: Live
    url: str
    user: str

    def allow(self, *what: str) -> None:
        """``allow("grant", "select on db.t")``."""
        for one in what:
            self.live.ddl(one.format(schema=self.live.schema, user=self.user))


@pytest.fixture(params=["mariadb", "mysql"])
def hidden(request: pytest.FixtureRequest) -> Iterator[Hidden]:
    live = mysql(request.getfixturevalue(f"{request.param}_database"))
    user = f"'{ROLE}_{live.schema[-8:]}'@'%'"
    live.ddl(*MADE, *ROUTINES[request.param], f"create user {user} identified by 'secret word'")
    reader = live.url.set(username=user.split("'")[1], password="secret word")
    try:
        yield Hidden(live, reader.render_as_string(hide_password=False), user)
    finally:
        live.ddl(f"drop user {user}")


@pytest.fixture
def open_refresher(hidden: Hidden) -> Iterator[Callable[[], Refresher]]:
    """Refreshes as the role, with the guard's own percentage."""
    with refreshing(hidden.url, MemoryObjects(), deletion_guard_percent=20) as refresher:
        yield lambda: refresher


EVERY_TABLE = "grant select, show view, execute on {schema}.* to {user}"
ONE_TABLE = (
    *(f"grant select on {{schema}}.filler_{number} to {{user}}" for number in range(20)),
    "grant select on {schema}.sale to {user}",
)
ONE_COLUMN = (*ONE_TABLE[:-1], "grant select (id, note) on {schema}.sale to {user}")
# What the role may, what it loses, what then has to be in the message.
LOST = {
    "one table": (
        ONE_TABLE,
        ("revoke select on {schema}.sale from {user}",),
        ("1 table", "sale", "gone: GRANT SELECT ON"),
    ),
    "one column": (
        ONE_COLUMN,
        ("revoke select (note) on {schema}.sale from {user}",),
        ("1 column", "note", "gone: GRANT SELECT ("),
    ),
    "the schema, but for one table": (
        (EVERY_TABLE, "grant select on {schema}.sale to {user}"),
        ("revoke select, show view, execute on {schema}.* from {user}",),
        ("22 tables", "gone: GRANT SELECT, EXECUTE, SHOW VIEW ON"),
    ),
    "routines": (
        (EVERY_TABLE,),
        ("revoke execute on {schema}.* from {user}",),
        ("2 procedures", "look", "gone: GRANT SELECT, EXECUTE, SHOW VIEW ON"),
    ),
}


@pytest.mark.parametrize("what", LOST)
def test_what_a_lost_grant_hides_is_not_deleted_unasked(
    hidden: Hidden, open_refresher: Callable[[], Refresher], what: str
) -> None:
    granted, revoked, told = LOST[what]
    hidden.allow(*granted)
    refresher = open_refresher()
    refresh(refresher)
    before = current(refresher)
    hidden.allow(*revoked)

    refused = attempt(refresher)

    assert not refused.ok
    assert [part for part in told if part not in (refused.error or "")] == []
    assert "secret word" not in (refused.error or "")
    assert current(refresher).number == before.number
    # Given back, nothing has happened.
    hidden.allow(*granted)
    refresh(refresher)
    assert differences(state(before), state(current(refresher))) == {}
    # Lost for good, a person says so.
    hidden.allow(*revoked)
    assert not attempt(refresher).ok
    refresh(refresher, accept_deletions=True)
    assert differences(state(before), state(current(refresher))) != {}


def test_with_the_same_grants_what_is_dropped_goes_unasked(
    hidden: Hidden, open_refresher: Callable[[], Refresher]
) -> None:
    hidden.allow(EVERY_TABLE)
    refresher = open_refresher()
    refresh(refresher)
    hidden.live.ddl("drop table sale", "alter table filler_1 drop column c")
    assert refresh(refresher).changes["tables"] == {"DELETED": 1, "UPDATED": 1}


def test_a_new_grant_alone_deletes_nothing_and_stops_nothing(
    hidden: Hidden, open_refresher: Callable[[], Refresher]
) -> None:
    hidden.allow(*ONE_TABLE)
    refresher = open_refresher()
    refresh(refresher)
    hidden.allow("grant select on {schema}.product to {user}")
    assert refresh(refresher).counts["tables"] == 22


def test_what_is_read_while_a_grant_goes_counts_for_nothing(hidden: Hidden) -> None:
    hidden.allow(*ONE_TABLE)
    with mysql(hidden.url).source() as source:
        known = source.identity() | source.grants()
        pinned = source.pinned_to(known)
        tables = listed(pinned, "tables")
        hidden.allow("revoke select on {schema}.sale from {user}")
        with pytest.raises(SourceUnavailable, match="grants were changed while it read"):
            pinned.listing("tables", TABLES.schema)
        with pytest.raises(SourceUnavailable, match="grants were changed while it read"):
            list(pinned.columns("def", tables, COLUMNS.schema))


def test_what_a_role_loses_counts_for_those_who_have_it(
    hidden: Hidden, open_refresher: Callable[[], Refresher]
) -> None:
    role = f"ia_role_{hidden.live.schema[-8:]}"
    default = "for" if hidden.live.dialect.name == "mariadb" else "to"
    hidden.live.ddl(f"create role {role}")
    try:
        hidden.live.ddl(f"grant {role} to {hidden.user}")
        hidden.live.ddl(f"set default role {role} {default} {hidden.user}")
        grants = [one.replace("{user}", role) for one in ONE_TABLE]
        hidden.allow(*grants)
        refresher = open_refresher()
        refresh(refresher)
        hidden.allow(f"revoke select on {{schema}}.sale from {role}")
        refused = attempt(refresher)
    finally:
        hidden.live.ddl(f"drop role {role}")
    assert not refused.ok
    assert "gone: GRANT SELECT ON" in (refused.error or "")


def test_few_places_at_the_server_are_enough(hidden: Hidden) -> None:
    hidden.allow(EVERY_TABLE)
    hidden.live.ddl(f"alter user {hidden.user} with max_user_connections 1")
    with refreshing(hidden.url, batch_columns=5) as refresher:
        assert refresh(refresher).counts["tables"] == 23


def test_the_hash_of_a_password_is_not_kept(
    hidden: Hidden, open_refresher: Callable[[], Refresher]
) -> None:
    hidden.allow(EVERY_TABLE)
    refresher = open_refresher()
    refresh(refresher)
    head = refresher.store("shop").head()
    assert head is not None
    grants = head.head.source["grants"]
    assert [grant for grant in grants if "IDENTIFIED" in grant or "*" in grant[60:]] == []
    with mysql_server.connected(hidden.live.url.render_as_string(hide_password=False)) as cursor:
        cursor.execute(f"alter user {hidden.user} identified by 'another word'")
    again = hidden.live.url.set(username=hidden.user.split("'")[1], password="another word")
    with hidden.live.at(again).source() as source:
        assert source.grants() == {"grants": grants}
