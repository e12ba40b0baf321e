"""Watch rules on a live PostgreSQL: what breaks them, since when, and what settles them."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import dagster as dg
import pytest

from incremental_assets.assets import watch_checks
from incremental_assets.cli.running import Refresher
from incremental_assets.core.breaks import Break
from incremental_assets.steps import watch
from incremental_assets.steps.rolling_back import roll_back
from incremental_assets.steps.watch import acknowledged, breaks_of
from incremental_resources.state_store.errors import StateConflict, SwapRefused
from tests.live import NAME, refresh, refreshing
from tests.sources import Live, postgresql

RULE = {"name": "contract", "tables": r"public\.(sale|product)"}
CHECK = "watch_contract"
STATEMENTS = (
    "create table product (id integer primary key, name text, price numeric(8, 2))",
    "create table sale (id integer primary key, product integer references product, note text)",
    "create table other (id integer, note text)",
    "create view public.report as select id, note from sale",
)


@pytest.fixture
def live(fresh_database: str) -> Live:
    live = postgresql(fresh_database)
    live.ddl(*STATEMENTS)
    return live


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def watching(
    live: Live, instance: dg.DagsterInstance, *rules: dict[str, Any], **settings: Any
) -> AbstractContextManager[Refresher]:
    url = live.url.render_as_string(hide_password=False)
    return refreshing(url, instance=instance, watch=list(rules or [RULE]), **settings)


def evaluation(instance: dg.DagsterInstance, check: str = CHECK) -> dg.AssetCheckEvaluation:
    key = dg.AssetCheckKey(dg.AssetKey([NAME, "marker"]), check)
    record = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    return record.event.dagster_event.asset_check_evaluation_data


def broken(refresher: Refresher) -> list[tuple[str, str, int]]:
    """Kind, last part of the path, and the version since which, of every break there is."""
    store = refresher.store(NAME)
    return [
        (one["kind"], one["object"].partition(".public.")[2], one["since_version"])
        for rule in breaks_of(refresher.config.connection(NAME), store)
        for one in rule["breaks"]
    ]


def test_a_break_fails_its_rule_until_it_is_reverted(
    live: Live, instance: dg.DagsterInstance
) -> None:
    with watching(live, instance) as shop:
        refresh(shop)
        assert evaluation(instance).passed
        live.ddl("alter table product alter price type integer", "alter table other drop note")
        outcome = refresh(shop)
        assert outcome.ok
        assert broken(shop) == [("type_changed", "product.price", 2)]
        failed = evaluation(instance)
        assert not failed.passed
        assert failed.severity == dg.AssetCheckSeverity.ERROR
        assert "| 2 |" in failed.metadata["what broke"].value
        assert f"incremental-assets acknowledge {NAME} {CHECK}" in failed.description
        # It stands as long as the type does, and is not told anew.
        live.ddl(
            "alter table sale add column more text", "alter table sale drop column note cascade"
        )
        refresh(shop)
        assert broken(shop) == [
            ("type_changed", "product.price", 2),
            ("column_deleted", "sale.note", 3),
        ]
        live.ddl("alter table product alter price type numeric(8, 2)")
        refresh(shop)
        assert broken(shop) == [("column_deleted", "sale.note", 3)]


def test_an_acknowledged_break_is_none_any_more(live: Live, instance: dg.DagsterInstance) -> None:
    with watching(live, instance) as shop:
        refresh(shop)
        live.ddl("alter table product drop column price")
        refresh(shop)
        rule = shop.config.connection(NAME).watch[0]
        acknowledged(shop.store(NAME), rule, "agreed with the team")
        assert broken(shop) == []
        live.ddl("alter table product add column price text")
        refresh(shop)
        assert broken(shop) == []
        assert evaluation(instance).passed
        live.ddl("alter table product drop column price")
        refresh(shop)
        assert broken(shop) == [("column_deleted", "product.price", 4)]


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (["drop table sale cascade"], {"table_deleted": "sale"}),
        (["alter table product rename to goods"], {"table_renamed": "goods"}),
        (["alter table sale rename column note to remark"], {"column_renamed": "sale.remark"}),
        (["alter table sale alter note set not null"], {"not_null_set": "sale.note"}),
        (["alter table sale alter note set default 'x'"], {"default_changed": "sale.note"}),
        (["comment on column sale.note is 'x'"], {"comment_changed": "sale.note"}),
        (["comment on table sale is 'x'"], {"comment_changed": "sale"}),
        (["alter table sale add column more text"], {"column_added": "sale.more"}),
        (["alter table sale drop constraint sale_product_fkey"], {"key_changed": "sale.product"}),
        (
            ['alter table product alter name type text collate "C"'],
            {"collation_changed": "product.name"},
        ),
        (
            ["create or replace view report as select id, note from sale where id > 1"],
            {"definition_changed": "report"},
        ),
        (["create table fresh (id integer)"], {"table_created": "fresh"}),
        (["drop table other", "create table other (id integer, note text)"], {}),
        (["create index on sale (note)"], {}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_every_kind_of_break(
    live: Live, instance: dg.DagsterInstance, statements: list[str], expected: dict[str, str]
) -> None:
    everything = {"name": "contract", "tables": ".*", "on": [kind.value for kind in Break]}
    with watching(live, instance, everything) as shop:
        refresh(shop)
        live.ddl(*statements)
        refresh(shop)
        found = {(kind, name) for kind, name, _ in broken(shop)}
        assert set(expected.items()) <= found
        # Whatever else is told is told of the same statement.
        others = found - set(expected.items())
        assert {name for _, name in others} <= {"report", "sale.product", "sale.note"}


def test_what_a_rule_is_not_about_does_not_break_it(
    live: Live, instance: dg.DagsterInstance
) -> None:
    rule = {**RULE, "on": ["column_added", "comment_changed"]}
    with watching(live, instance, rule) as shop:
        refresh(shop)
        live.ddl("alter table product drop column price", "comment on table other is 'x'")
        refresh(shop)
        assert broken(shop) == []


def test_what_came_later_is_missed_when_it_goes(live: Live, instance: dg.DagsterInstance) -> None:
    rule = {**RULE, "on": ["column_deleted", "not_null_set", "table_deleted"], "tables": ".*"}
    with watching(live, instance, rule) as shop:
        refresh(shop)
        live.ddl(
            "alter table sale alter note set not null",
            "alter table product add column colour text not null",
            "create table late (id integer)",
        )
        refresh(shop)
        assert broken(shop) == [("not_null_set", "sale.note", 2)]
        live.ddl("alter table product alter colour drop not null")
        refresh(shop)
        live.ddl(
            "alter table product alter colour set not null",
            "alter table sale drop column product",
            "drop table late",
        )
        refresh(shop)
        assert broken(shop) == [
            ("table_deleted", "late", 4),
            ("not_null_set", "product.colour", 4),
            ("not_null_set", "sale.note", 2),
            ("column_deleted", "sale.product", 4),
        ]
        live.ddl("alter table product drop column colour", "create table late (id integer)")
        refresh(shop)
        assert broken(shop) == [
            ("column_deleted", "product.colour", 5),
            ("not_null_set", "sale.note", 2),
            ("column_deleted", "sale.product", 4),
        ]


def test_a_break_outlives_versions_that_are_pruned_and_a_rollback(
    live: Live, instance: dg.DagsterInstance
) -> None:
    with watching(live, instance, retain_versions=2) as shop:
        refresh(shop)
        live.ddl("alter table product drop column price")
        refresh(shop)
        for number in range(4):
            live.ddl(f"create table extra_{number} (id integer)")
            refresh(shop)
        assert shop.store(NAME).head().head.version == 6
        assert broken(shop) == [("column_deleted", "product.price", 2)]
        roll_back(shop.store(NAME), shop.config.connection(NAME).dialect(), 5)
        refresh(shop)
        assert broken(shop) == [("column_deleted", "product.price", 2)]


def test_what_the_filters_leave_out_is_no_break(live: Live, instance: dg.DagsterInstance) -> None:
    live.ddl("create schema inner_part", "create table inner_part.sale (id integer)")
    rule = {"name": "contract", "tables": ".*"}
    with watching(live, instance, rule) as shop:
        refresh(shop)
        objects = shop.store(NAME).objects
    url = live.url.render_as_string(hide_password=False)
    narrow = {"include": {".*": ["public"]}}
    with (
        dg.DagsterInstance.ephemeral() as other,
        refreshing(url, objects, other, watch=[rule], **narrow) as shop,
    ):
        refresh(shop, accept_new_state=True)
        assert broken(shop) == []


def test_a_new_rule_compares_with_the_state_that_was_there_when_it_was_written(
    live: Live, instance: dg.DagsterInstance
) -> None:
    url = live.url.render_as_string(hide_password=False)
    with refreshing(url, instance=instance) as shop:
        refresh(shop)
        objects = shop.store(NAME).objects
        live.ddl("alter table product drop column price")
        with (
            dg.DagsterInstance.ephemeral() as other,
            refreshing(url, objects, other, watch=[RULE]) as ruled,
        ):
            refresh(ruled)
            assert broken(ruled) == [("column_deleted", "product.price", 2)]


def test_a_rule_that_cannot_be_evaluated_fails_itself_and_nothing_else(
    live: Live, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_arguments: object) -> None:
        raise OSError("No space left on device")

    with watching(live, instance) as shop:
        monkeypatch.setattr(watch_checks, "evaluated", failing)
        refresh(shop)
        assert not evaluation(instance).passed
        assert "No space left on device" in evaluation(instance).description


def test_nothing_is_read_again_where_nothing_changed(
    live: Live, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watching(live, instance) as shop:
        refresh(shop)
        live.ddl("alter table product drop column price")
        refresh(shop)
        monkeypatch.setattr(watch, "_judged", None)
        refresh(shop)
        assert broken(shop) == [("column_deleted", "product.price", 2)]
        assert not evaluation(instance).passed


def test_an_acknowledgement_that_somebody_else_overtook_is_refused(
    live: Live, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watching(live, instance) as shop:
        refresh(shop)
        live.ddl("alter table product drop column price")
        refresh(shop)
        store, rule = shop.store(NAME), shop.config.connection(NAME).watch[0]
        write, overtaken = watch.Baselines.write, []

        def late(self: watch.Baselines, name: str, *given: object) -> None:
            if not overtaken:
                overtaken.append(name)
                known = self.read(name)
                assert known is not None
                write(self, name, known.baseline.model_copy(update={"reason": "theirs"}), known)
            write(self, name, *given)

        monkeypatch.setattr(watch.Baselines, "write", late)
        with pytest.raises(StateConflict, match="acknowledge again"):
            acknowledged(store, rule, "mine")
        assert broken(shop) == [("column_deleted", "product.price", 2)]
        acknowledged(store, rule, "mine")
        assert broken(shop) == []


def test_frames_that_no_rule_names_are_removed_after_a_day(
    live: Live, instance: dg.DagsterInstance
) -> None:
    with watching(live, instance) as shop:
        refresh(shop)
        objects = shop.store(NAME).objects
        for stamp in ("20200101T000000-00000000", "29990101T000000-00000000"):
            objects.create(f"{NAME}/watch/frames/{stamp}/tables.parquet", b"left")
        refresh(shop)
        left = {path.split("/")[3][:4] for path in objects.list(f"{NAME}/watch/frames")}
        assert "2020" not in left
        assert "2999" in left
        assert evaluation(instance).passed


def test_a_table_that_became_a_partition_is_no_break(
    live: Live, instance: dg.DagsterInstance
) -> None:
    live.ddl("create table whole (id integer, note text) partition by list (id)")
    rule = {"name": "contract", "tables": r"public\.other"}
    with watching(live, instance, rule) as shop:
        refresh(shop)
        live.ddl("alter table whole attach partition other for values in (1)")
        refresh(shop)
        assert broken(shop) == []


def test_columns_that_are_read_only_later_are_watched_from_then_on(
    live: Live, instance: dg.DagsterInstance
) -> None:
    everything = {**RULE, "on": ["column_added", "column_deleted"]}
    few = ["databases", "schemas", "tables"]
    with watching(live, instance, everything, entities=few) as shop:
        refresh(shop)
        objects = shop.store(NAME).objects
    url = live.url.render_as_string(hide_password=False)
    with (
        dg.DagsterInstance.ephemeral() as other,
        refreshing(url, objects, other, watch=[everything]) as shop,
    ):
        refresh(shop, accept_new_state=True)
        assert broken(shop) == []
        live.ddl("alter table product drop column price")
        refresh(shop)
        assert broken(shop) == [("column_deleted", "product.price", 3)]


def test_a_swap_that_was_done_although_it_is_refused_keeps_what_it_names(
    live: Live, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = watch.Baselines.write

    def unheard(self: watch.Baselines, *given: Any) -> None:
        write(self, *given)
        raise SwapRefused("the answer was lost, and the second try is refused")

    monkeypatch.setattr(watch.Baselines, "write", unheard)
    with watching(live, instance) as shop:
        refresh(shop)
        live.ddl("alter table product drop column price")
        refresh(shop)
        assert broken(shop) == [("column_deleted", "product.price", 2)]
