"""Law 6, what is really gone and what only seems to be: deletions on live PostgreSQL.

The catalogs of PostgreSQL show everything to everybody, so that a lost grant hides no table: it
makes a database unreachable, which is an error. What can vanish without one is tried here.
"""

from collections.abc import Iterator

import psycopg
import pytest

from incremental_assets.cli.running import Refresher
from incremental_assets.core.equality import unequal
from incremental_assets.naming import REFUSED
from incremental_resources.state_store.memory import MemoryObjects
from incremental_resources.state_store.objects import ObjectStore
from tests.live import NAME, attempt, current, differences, full, refresh, refreshing, state
from tests.postgres_server import Cluster, cluster
from tests.sources import Live, postgresql


@pytest.fixture
def objects() -> ObjectStore:
    return MemoryObjects()


@pytest.fixture
def live(fresh_database: str) -> Live:
    return postgresql(fresh_database)


def url(live: Live) -> str:
    return live.url.render_as_string(hide_password=False)


def names(refresher: Refresher) -> set[str]:
    """The tables of the current version."""
    return set(current(refresher).scan("tables").collect()["table"])


def refused(refresher: Refresher, *fragments: str, **wish: bool) -> None:
    """A refresh that the guard stops, for the reasons given; HEAD stays."""
    head = refresher.store(NAME).head()
    outcome = attempt(refresher, **wish)
    assert not outcome.ok
    for fragment in ("too much disappeared at once", *fragments):
        assert fragment in str(outcome.error)
    assert refresher.store(NAME).head() == head


def assert_equals_a_full_extraction(refresher: Refresher, **settings: object) -> None:
    live_url = refresher.config.connection(NAME).url.get_secret_value()
    with refreshing(live_url, **settings) as afresh:
        reached, whole = state(current(refresher)), full(afresh)
        assert unequal(reached, whole) == {}, differences(reached, whole)


# What is gone


def test_a_dropped_schema_needs_acceptance(live: Live) -> None:
    live.ddl("create schema wing", "create table wing.one ()", "create function wing.f() returns "
             "integer language sql return 1")  # fmt: skip
    live.ddl(*(f"create table t{number} ()" for number in range(9)))
    with refreshing(url(live)) as refresher:
        refresh(refresher)
        live.ddl("drop schema wing cascade")
        refused(refresher, f"nothing is left of schema 'wing' of database {live.database!r}")
        changes = refresh(refresher, accept_deletions=True).changes
        gone = {"DELETED": 1}
        assert (changes["schemas"], changes["tables"], changes["procedures"]) == (gone, gone, gone)
        assert_equals_a_full_extraction(refresher)


def test_a_schema_without_tables_is_dropped_without_ado(live: Live) -> None:
    live.ddl("create schema empty", "create table one ()")
    with refreshing(url(live)) as refresher:
        refresh(refresher)
        live.ddl("drop schema empty")
        assert refresh(refresher).changes["schemas"] == {"DELETED": 1}


@pytest.fixture
def second(live: Live) -> Iterator[Live]:
    """Another database of the server, with a table."""
    name = f"{live.database}_second"
    with psycopg.connect(url(live), autocommit=True) as connection:
        connection.execute(f"create database {name}")
        other = postgresql(url(live.at(live.url.set(database=name))))
        other.ddl("create table there (a integer)")
        yield other
        for left in (name, f"{name}_renamed"):
            connection.execute(f"drop database if exists {left} with (force)")


def both(live: Live) -> dict[str, object]:
    return {"include": {f"{live.database}.*": "*"}}


def test_a_dropped_database_needs_acceptance(live: Live, second: Live) -> None:
    live.ddl(*(f"create table t{number} ()" for number in range(9)))
    with refreshing(url(live), **both(live)) as refresher:
        refresh(refresher)
        live.ddl(f"drop database {second.database} with (force)")
        refused(refresher, f"nothing is left of database {second.database!r}")
        changes = refresh(refresher, accept_deletions=True).changes
        assert changes["databases"] == changes["tables"] == changes["columns"] == {"DELETED": 1}
        assert_equals_a_full_extraction(refresher, **both(live))


def test_a_renamed_database_is_no_deletion(live: Live, second: Live) -> None:
    with refreshing(url(live), **both(live)) as refresher:
        refresh(refresher)
        live.ddl(f"alter database {second.database} rename to {second.database}_renamed")
        changes = refresh(refresher).changes
        assert changes["databases"] == {"RENAMED": 1}
        assert changes["tables"] == {"RENAMED": 1}
        assert "DELETED" not in changes["schemas"] | changes["columns"]
        assert_equals_a_full_extraction(refresher, **both(live))


def test_an_empty_source_always_needs_acceptance(live: Live) -> None:
    live.ddl("create table one ()", "create table two ()")
    with refreshing(url(live)) as refresher:
        refresh(refresher)
        live.ddl("drop table one, two")
        refused(refresher, "the listing is empty; the state has 2 tables")
        assert refresh(refresher, accept_deletions=True).changes["tables"] == {"DELETED": 2}
        assert current(refresher).rows("tables") == 0
        assert refresh(refresher).mode == "unchanged"
        live.ddl("create table three ()")
        assert refresh(refresher).changes["tables"] == {"CREATED": 1}


@pytest.mark.parametrize(("percent", "stops"), [(20, True), (39.9, True), (40, False)])
def test_every_connection_has_its_own_threshold(live: Live, percent: float, stops: bool) -> None:
    live.ddl(*(f"create table t{number} ()" for number in range(10)))
    with refreshing(url(live), deletion_guard_percent=percent) as refresher:
        refresh(refresher)
        live.ddl("drop table t0, t1, t2, t3")
        if stops:
            refused(refresher, "4 of 10 tables are gone, more than")
        else:
            assert refresh(refresher).changes["tables"] == {"DELETED": 4}


def test_renamed_tables_do_not_count_as_gone(live: Live) -> None:
    live.ddl(*(f"create table t{number} ()" for number in range(4)), "create schema other")
    with refreshing(url(live), deletion_guard_percent=0) as refresher:
        refresh(refresher)
        live.ddl(*(f"alter table t{number} set schema other" for number in range(4)))
        assert refresh(refresher).changes["tables"] == {"RENAMED": 4}


# Every entity counts


def functions(*numbers: int, schema: str = "public") -> list[str]:
    return [
        f"create function {schema}.f{n}() returns integer language sql return {n}" for n in numbers
    ]


def dropped(*numbers: int, schema: str = "public") -> list[str]:
    return [f"drop function {schema}.f{n}" for n in numbers]


def test_a_dropped_schema_of_functions_alone_needs_acceptance(live: Live) -> None:
    live.ddl("create schema wing", *functions(*range(50), schema="wing"))
    live.ddl(*functions(*range(400, 700)), *(f"create table t{n} ()" for n in range(9)))
    with refreshing(url(live), deletion_guard_percent=20) as refresher:
        refresh(refresher)
        live.ddl("drop schema wing cascade")
        place = f"schema 'wing' of database {live.database!r}"
        refused(
            refresher,
            f"nothing is left of {place} (50 of its 50 procedures gone)",
            f"1 schema: {live.database}.wing; 50 procedures: {live.database}.wing.f0() FUNCTION, ",
            "refresh shop --dry-run",
            "refresh shop --accept-deletions",
        )
        changes = refresh(refresher, accept_deletions=True).changes
        assert (changes["schemas"], changes["procedures"]) == ({"DELETED": 1}, {"DELETED": 50})
        assert_equals_a_full_extraction(refresher)


def test_all_routines_of_a_schema_that_keeps_its_tables_need_acceptance(live: Live) -> None:
    live.ddl("create schema wing", "create table wing.one ()", *functions(1, 2, 3, schema="wing"))
    live.ddl(*functions(*range(90)))
    with refreshing(url(live)) as refresher:
        refresh(refresher)
        live.ddl(*dropped(1, 2, 3, schema="wing"))
        refused(refresher, "no procedure is left of schema 'wing'", "(3 of its 3 procedures gone)")
        refresh(refresher, accept_deletions=True)
        assert_equals_a_full_extraction(refresher)


def test_a_share_of_the_routines_needs_acceptance(live: Live) -> None:
    live.ddl("create table one ()", *functions(*range(10)))
    with refreshing(url(live), deletion_guard_percent=20) as refresher:
        refresh(refresher)
        live.ddl(*dropped(0, 1))
        assert refresh(refresher).changes["procedures"] == {"DELETED": 2}
        live.ddl(*dropped(2, 3, 4))
        refused(refresher, "3 of 8 procedures are gone, more than 20 %")
        # Others take another signature, or another name: these stay.
        live.ddl("alter function f5 rename to g5", *dropped(6, 7))
        live.ddl(
            "create function f6(a text) returns text language sql return a",
            "create function f7(a text) returns text language sql return a",
        )
        # But what a person accepts is a list, and it has grown.
        refused(refresher, "3 of 8 procedures", "5 procedures: ", accept_deletions=True)
        changes = refresh(refresher, accept_deletions=True).changes
        # A name is part of a definition.
        assert changes["procedures"] == {"CREATED": 2, "UPDATED": 1, "RENAMED": 1, "DELETED": 5}
        assert_equals_a_full_extraction(refresher)


def test_routines_that_take_other_arguments_are_no_loss(live: Live) -> None:
    live.ddl("create table one ()", *functions(*range(10)))
    with refreshing(url(live), deletion_guard_percent=20) as refresher:
        refresh(refresher)
        live.ddl(*dropped(*range(10)))
        live.ddl(*(line.replace("()", "(a integer)", 1) for line in functions(*range(10))))
        changes = refresh(refresher).changes
        assert changes["procedures"] == {"CREATED": 10, "DELETED": 10}


def test_a_share_of_the_columns_of_tables_that_stay_needs_acceptance(live: Live) -> None:
    columns = ", ".join(f"c{n} integer" for n in range(10))
    live.ddl(*(f"create table t{n} ({columns})" for n in range(10)))
    with refreshing(url(live), deletion_guard_percent=20) as refresher:
        refresh(refresher)
        # The columns of tables that go count with these.
        live.ddl("drop table t9", "drop table t8", "alter table t0 rename column c0 to other")
        assert refresh(refresher).changes["columns"] == {"RENAMED": 1, "DELETED": 20}
        live.ddl(*(f"alter table t{n} drop column c7, drop column c8, drop c9" for n in range(8)))
        refused(
            refresher,
            "24 of 80 columns of tables that stay are gone, more than 20 %",
            f"24 columns: {live.database}.public.t0.c7, ",
        )
        live.ddl("alter table t7 drop column c6")
        refused(refresher, "25 of 80 columns", accept_deletions=True)
        assert refresh(refresher, accept_deletions=True).changes["columns"] == {"DELETED": 25}
        assert_equals_a_full_extraction(refresher)


def test_a_dry_run_lists_all_that_would_go(live: Live) -> None:
    live.ddl("create schema wing", *functions(*range(30), schema="wing"), *functions(1))
    live.ddl("create table one ()")
    with refreshing(url(live)) as refresher:
        refresh(refresher)
        live.ddl("drop schema wing cascade")
        outcome = refresh(refresher, dry_run=True)
        assert "this refresh would be refused: " in outcome.warnings[0]
        assert "(30 of its 30 procedures gone)" in outcome.warnings[0]
        gone = outcome.diff["procedures"].filter(change="DELETED")
        assert set(gone["procedure"]) == {f"f{n}" for n in range(30)}
        # What was only looked at is no refusal that could be accepted.
        refused(refresher, accept_deletions=True)


def test_the_list_of_an_older_release_is_refused_again(live: Live) -> None:
    live.ddl(*(f"create table t{n} ()" for n in range(9)))
    with refreshing(url(live), deletion_guard_percent=20) as refresher:
        refresh(refresher)
        live.ddl("drop table t0, t1, t2")
        refused(refresher)
        store = refresher.store(NAME)
        (refusal,) = (one for one in store.extractions() if one.exists(REFUSED))
        old = refusal.read(REFUSED).select("database", "schema", "table").collect()
        store.objects.delete(f"{NAME}/extractions/{refusal.id}/{REFUSED}.parquet")
        refusal.write(REFUSED, old)
        refused(refresher, "3 of 9 tables", accept_deletions=True)
        assert refresh(refresher, accept_deletions=True).changes["tables"] == {"DELETED": 3}


def test_a_role_without_columns_or_procedures_is_guarded_by_what_it_has(live: Live) -> None:
    entities = ("databases", "schemas", "tables", "columns")
    live.ddl(*functions(*range(10)), "create table one (a integer)", "create table two ()")
    with refreshing(url(live), deletion_guard_percent=20, entities=entities) as refresher:
        refresh(refresher)
        live.ddl(*dropped(*range(10)))
        assert refresh(refresher).ok
        live.ddl("drop table one")
        refused(refresher, "1 of 2 tables are gone")


# What a person accepted


def test_acceptance_needs_a_refusal_to_refer_to(live: Live) -> None:
    live.ddl("create table one ()", "create table two ()", "create table three ()")
    with refreshing(url(live), deletion_guard_percent=20) as refresher:
        refresh(refresher)
        live.ddl("drop table one")
        refused(refresher, "1 of 3 tables", accept_deletions=True)
        assert refresh(refresher, accept_deletions=True).changes["tables"] == {"DELETED": 1}


def test_less_than_what_was_accepted_may_be_gone(live: Live) -> None:
    live.ddl("create table one ()", "create table two ()", "create table three ()")
    with refreshing(url(live), deletion_guard_percent=20) as refresher:
        refresh(refresher)
        live.ddl("drop table one, two")
        refused(refresher)
        live.ddl("create table two ()")
        assert refresh(refresher, accept_deletions=True).changes["tables"]["DELETED"] == 1
        assert names(refresher) == {"two", "three"}


def test_a_refusal_is_void_once_something_was_committed(live: Live) -> None:
    live.ddl("create table one ()", "create table two ()", "create table three ()")
    with refreshing(url(live), deletion_guard_percent=20) as refresher:
        refresh(refresher)
        live.ddl("drop table one")
        refused(refresher)
        # It comes back, and is seen again; that it was missing once is settled.
        live.ddl("create table one ()")
        refresh(refresher)
        live.ddl("drop table one")
        refused(refresher, accept_deletions=True)
        refresh(refresher, accept_deletions=True)
        assert names(refresher) == {"two", "three"}


# What is only not looked at


def test_narrowed_and_widened_filters(live: Live, objects: ObjectStore) -> None:
    live.ddl("create schema inner_one", "create table inner_one.a (x integer)")
    live.ddl("create table b (x integer)", "create function inner_one.f() returns integer "
             "language sql return 1")  # fmt: skip
    narrow = {"exclude": {live.database: ["inner_.*"]}, "deletion_guard_percent": 0}
    with refreshing(url(live), objects) as wide:
        refresh(wide)
    with refreshing(url(live), objects, **narrow) as refresher:
        changes = refresh(refresher).changes
        for entity in ("schemas", "tables", "columns", "procedures"):
            assert changes[entity] == {"OUT_OF_SCOPE": 1}
        assert_equals_a_full_extraction(refresher, **narrow)
        # What is gone from the scope and from the source has nothing to tell any more.
        live.ddl("drop function inner_one.f", "create table inner_one.c (x integer)")
        assert refresh(refresher).changes["tables"] == {}
    with refreshing(url(live), objects) as refresher:
        changes = refresh(refresher).changes
        assert changes["schemas"] == {"BACKFILL": 1}
        assert changes["tables"] == changes["columns"] == {"BACKFILL": 2}
        assert changes["procedures"] == {}
        assert_equals_a_full_extraction(refresher)


def test_filters_that_leave_nothing_need_acceptance_too(live: Live, objects: ObjectStore) -> None:
    live.ddl("create table one ()")
    with refreshing(url(live), objects) as wide:
        refresh(wide)
    with refreshing(url(live), objects, exclude={live.database: ["public"]}) as refresher:
        refused(refresher, "the listing is empty")
        assert refresh(refresher, accept_deletions=True).changes["tables"] == {"OUT_OF_SCOPE": 1}


LEFT_OUT = [
    ({"exclude_views": True}, {"seen": "view", "kept": "view"}),
    ({"exclude_tables": "ba.*"}, {"base": "excluded name", "bare": "excluded name"}),
    ({"exclude_empty_tables": True}, {"bare": "empty"}),
    ({"partitions": "collapse"}, {"part": "partition"}),
]


@pytest.mark.parametrize(("settings", "reasons"), LEFT_OUT)
def test_what_an_option_leaves_out_is_not_deleted(
    live: Live, objects: ObjectStore, settings: dict[str, object], reasons: dict[str, str]
) -> None:
    live.ddl(
        "create table base (x integer)",
        "insert into base values (1)",
        "create table bare (x integer)",
        "create view seen as select x from base",
        "create materialized view kept as select x from base",
        "create table parted (x integer) partition by list (x)",
        "create table part partition of parted for values in (1)",
        "insert into parted values (1)",
        "analyze",
    )
    everything = {"partitions": "list"}
    with refreshing(url(live), objects, **everything) as wide:
        refresh(wide)
        assert names(wide) == {"base", "bare", "seen", "kept", "parted", "part"}
    settings = {"partitions": "list", "deletion_guard_percent": 0, **settings}
    with refreshing(url(live), objects, **settings) as refresher:
        assert refresh(refresher).changes["tables"] == {"OUT_OF_SCOPE": len(reasons)}
        head = refresher.store(NAME).head()
        assert head is not None
        left_out = refresher.store(NAME).extraction(head.head.extraction).read("listings/left_out")
        assert dict(left_out.select("table", "reason").collect().rows()) == reasons
        assert_equals_a_full_extraction(refresher, **settings)
    with refreshing(url(live), objects, **everything) as refresher:
        assert refresh(refresher).changes["tables"] == {"BACKFILL": len(reasons)}
        assert_equals_a_full_extraction(refresher, **everything)


# A source that went back in time


@pytest.fixture
def server() -> Iterator[Cluster]:
    """A server of its own, backed up when it had the tables ``old`` and ``was``."""
    with cluster() as server:
        server.start(wal_level="replica")
        postgresql(server.url).ddl("create table old (a integer)", "create table was (a integer)")
        server.stop()
        server.back_up()
        server.start(wal_level="replica")
        yield server


def test_a_restored_backup_is_read_in_full_and_its_ids_are_not_trusted(server: Cluster) -> None:
    live = postgresql(server.url)
    with refreshing(server.url) as refresher:
        live.ddl("create table lost (a integer)", "alter table was rename to renamed")
        live.ddl(*(f"create table t{number} ()" for number in range(20)))
        first = refresh(refresher)
        server.stop()
        server.restore()
        server.start(wal_level="replica")
        # The restored server gives the id of the lost table to another one.
        live.ddl("create table other (b text)")
        reason = "is behind the head's: it may have been restored"
        refused(refresher, reason, ".lost")
        outcome = refresh(refresher, accept_deletions=True)
        assert outcome.mode == "full"
        assert reason in str(outcome.why)
        # Renames would be guessed by ids.
        assert outcome.changes["tables"] == {"CREATED": 2, "DELETED": 22}
        assert str(outcome.marker) > str(first.marker)
        assert_equals_a_full_extraction(refresher)
        live.ddl("alter table other rename to another")
        assert refresh(refresher).changes["tables"] == {"RENAMED": 1}


def test_a_restored_backup_is_not_taken_for_unchanged(server: Cluster) -> None:
    """Nothing is gone and not even the probe differs: the ids and the position still do."""
    live = postgresql(server.url)
    with refreshing(server.url) as refresher:
        live.ddl("create table passing ()", "drop table passing", "select pg_switch_wal()")
        refresh(refresher)
        server.stop()
        server.restore()
        server.start(wal_level="replica")
        outcome = refresh(refresher)
        assert outcome.mode == "full"
        assert "is behind the head's" in str(outcome.why)
        assert_equals_a_full_extraction(refresher)


def test_a_stale_replica_deletes_nothing(server: Cluster) -> None:
    """The address leads to a standby that has not heard of the last changes yet, and then back."""
    live = postgresql(server.url)
    with refreshing(server.url) as refresher:
        live.ddl("create table recent (a integer)", "drop table was")
        live.ddl(*(f"create table t{number} ()" for number in range(20)))
        refresh(refresher)
        version = current(refresher).number
        server.stop()
        primary = server.take_out()
        server.restore(as_standby=True)
        server.start(wal_level="replica", hot_standby="on")
        with psycopg.connect(server.url) as connection:
            assert connection.execute("select pg_is_in_recovery()").fetchone() == (True,)
        refused(refresher, "is behind the head's", ".recent")
        server.stop()
        server.put_back(primary)
        server.start(wal_level="replica")
        outcome = refresh(refresher)
        assert (outcome.mode, "restarted" in str(outcome.why)) == ("full", True)
        assert current(refresher).number == version
        assert names(refresher) >= {"recent", "old"}
        assert "was" not in names(refresher)


def test_a_clock_that_went_back_is_told_and_everything_is_read(fresh_database: str) -> None:
    live = postgresql(fresh_database)
    live.ddl("create table one (a integer)")
    with refreshing(fresh_database) as refresher:
        refresh(refresher)
        store = refresher.store(NAME)
        head = store.head()
        assert head is not None
        # As if the source's clock had been an hour ahead when it was read.
        later = head.head.marker.replace(year=head.head.marker.year + 1)
        store.move_head(head.head.model_copy(update={"marker": later}), head)
        outcome = refresh(refresher)
        assert outcome.mode == "full"
        assert "is behind the marker of the head" in str(outcome.why)
        assert str(outcome.marker) < later.isoformat()
