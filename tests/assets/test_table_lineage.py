"""A live source's tables as external assets: what is shown of them, and what of changes."""

import logging
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from incremental_assets.assets import state
from incremental_assets.build import build_definitions
from incremental_assets.cli.running import Refresher
from incremental_assets.core.asset_keys import name_of
from incremental_assets.steps.metadata import inert
from incremental_resources.demo.shop import create_shop
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.memory import MemoryObjects
from tests.live import attempt, current, refresh, refreshing
from tests.sources import postgresql

EVERYTHING = {"include": {}}
ODD = 'a/b "q" *x* ~é😀'
STATEMENTS = (
    "create schema private",
    "create table private.secret (id integer)",
    "create table customer (id integer primary key, name text not null, mail varchar(50))",
    "comment on table customer is '**who** <b>buys</b>'",
    "comment on column customer.mail is '[may](http://x) be empty'",
    "create table sale"
    " (id integer primary key, customer integer references customer, euro integer)",
    "create table gone (id integer)",
    'create table "a/b ""q"" *x* ~é😀" ("we""ird/col" text)',
    "create view turnover as select c.name as customer, sum(s.euro) as euro, count(*) as sales"
    " from sale s join customer c on c.id = s.customer group by c.name",
    "create materialized view kept as select * from turnover",
    'create view "of odd" as select * from "a/b ""q"" *x* ~é😀"',
    "create view leaking as select s.id from sale s, private.secret x where x.id = s.id",
)
Specs = Mapping[tuple[str, ...], dg.AssetSpec]


def specs(refresher: Refresher) -> Specs:
    """The tables' assets as a code location that loads now has them, by schema and name."""
    definitions = build_definitions(refresher.config, objects=refresher.store("shop").objects)
    dg.Definitions.validate_loadable(definitions)
    return {
        tuple(map(name_of, spec.key.path[2:])): spec
        for spec in definitions.resolve_all_asset_specs()
        if spec.group_name == "shop_tables"
    }


def upstream(spec: dg.AssetSpec) -> set[str]:
    return {name_of(dep.asset_key.path[-1]) for dep in spec.deps}


def lineage_of(spec: dg.AssetSpec) -> dict[str, set[str]]:
    deps = spec.metadata["dagster/column_lineage"].deps_by_column
    return {
        column: {f"{name_of(one.asset_key.path[-1])}.{one.column_name}" for one in sources}
        for column, sources in deps.items()
    }


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def events(
    refresher: Refresher, instance: dg.DagsterInstance, table: str
) -> list[dg.AssetMaterialization]:
    database = current(refresher).scan("databases").collect()["database"][0]
    key = dg.AssetKey(["shop", database, "public", table])
    records = instance.fetch_materializations(key, 10).records
    found = [record.asset_materialization for record in records]
    return [one for one in found if one]


def materialized(instance: dg.DagsterInstance, asset: str) -> dg.AssetMaterialization:
    """The latest event of one of the connection's own assets."""
    event = instance.get_latest_materialization_event(dg.AssetKey(["shop", asset]))
    assert event is not None
    assert event.asset_materialization is not None
    return event.asset_materialization


def test_tables_of_admitted_schemas_are_assets_with_schema_and_lineage(fresh_database: str) -> None:
    postgresql(fresh_database).ddl(*STATEMENTS)
    lineage = {"include": {".*": ["public"]}}
    with refreshing(fresh_database, lineage=lineage, owners=["team:data"]) as refresher:
        assert specs(refresher) == {}
        refresh(refresher)

        found = specs(refresher)

    names = {"customer", "sale", "gone", ODD, "turnover", "kept", "of odd", "leaking"}
    assert set(found) == {("public", name) for name in names}
    customer, turnover = found["public", "customer"], found["public", "turnover"]
    assert customer.kinds == {"postgresql", "table"}
    assert customer.owners == ["team:data"]
    assert customer.tags["incremental/connection"] == "shop"
    assert customer.metadata["comment"].text == "**who** <b>buys</b>"
    columns = customer.metadata["dagster/column_schema"].columns
    assert [(one.name, one.type) for one in columns] == [
        ("id", "integer"),
        ("name", "text"),
        ("mail", "character varying(50)"),
    ]
    # What the UI takes for Markdown shows as the text it is.
    assert columns[0].description is None
    assert columns[2].description == inert("[may](http://x) be empty")
    assert customer.description == inert("**who** <b>buys</b>")
    assert [one.constraints.nullable for one in columns] == [False, False, True]
    assert [one.constraints.other for one in columns] == [["primary key"], [], []]

    assert turnover.kinds == {"postgresql", "view"}
    assert upstream(turnover) == {"sale", "customer"}
    assert lineage_of(turnover) == {
        "customer": {"customer.name"},
        "euro": {"sale.euro"},
        "sales": set(),
    }
    assert turnover.metadata["columns come from"].value.splitlines()[2:] == [
        "| customer | public.customer.name |",
        "| euro | public.sale.euro |",
        "| sales |  |",
    ]
    assert upstream(found["public", "kept"]) == {"turnover"}
    assert upstream(found["public", "sale"]) == set()  # a foreign key is no lineage
    assert lineage_of(found["public", "of odd"]) == {'we"ird/col': {f'{ODD}.we"ird/col'}}
    leaking = found["public", "leaking"]
    assert upstream(leaking) == {"sale"}
    assert leaking.metadata["also reads"] == ["private.secret"]
    assert "dagster/column_lineage" not in leaking.metadata


def test_only_what_changed_is_reported_and_what_is_gone_is_not_shown(
    fresh_database: str, instance: dg.DagsterInstance
) -> None:
    live = postgresql(fresh_database)
    live.ddl(*STATEMENTS)
    with refreshing(
        fresh_database, instance=instance, lineage={"include": {".*": ["public"]}}
    ) as refresher:
        refresh(refresher)
        (first,) = events(refresher, instance, "customer")
        live.ddl(
            "alter table customer add column phone text",
            "comment on table sale is 'One row per sale'",
            "drop table gone",
            "create table fresh (id integer)",
            "alter table private.secret add column more text",
        )
        refresh(refresher)

        customer = events(refresher, instance, "customer")[0]
        sale = events(refresher, instance, "sale")[0]
        (fresh,) = events(refresher, instance, "fresh")
        for unchanged in ("turnover", "kept", "gone"):
            assert len(events(refresher, instance, unchanged)) == 1
        found = specs(refresher)
        refresh(refresher)
        assert len(events(refresher, instance, "customer")) == 2

    assert first.metadata["version"].value == 1
    assert "changes" not in first.metadata
    columns = first.metadata["dagster/column_schema"].schema.columns
    assert [one.name for one in columns] == ["id", "name", "mail"]
    names = [one.name for one in customer.metadata["dagster/column_schema"].schema.columns]
    assert names == ["id", "name", "mail", "phone"]
    assert "| 2 | CREATED | phone |  |  | text |" in str(customer.metadata["changes"].value)
    assert "log shop" in str(customer.metadata["all changes"].value)
    assert customer.metadata["version"].value == 2
    assert sale.metadata["comment"].value == "One row per sale"
    (said,) = str(sale.metadata["changes"].value).splitlines()[2:]
    assert said == '| 2 | UPDATED |  | comment | null | "One row per sale" |'
    assert "| 2 | CREATED |  |  |  | TABLE |" in str(fresh.metadata["changes"].value)
    assert ("public", "gone") not in found
    assert ("public", "fresh") in found


def test_a_tables_page_tells_its_changes_and_who_reads_what_changed(
    fresh_database: str, instance: dg.DagsterInstance
) -> None:
    live = postgresql(fresh_database)
    live.ddl(*STATEMENTS)
    with refreshing(fresh_database, instance=instance, lineage=EVERYTHING) as refresher:
        refresh(refresher)
        live.ddl("alter table sale add note text", "alter table sale rename column euro to amount")
        refresh(refresher)
        live.ddl(
            "alter table sale rename to sold",
            "alter table sold alter column note type varchar(40)",
        )
        refresh(refresher)
        live.ddl("comment on column sold.amount is 'in euro'", "alter table sold drop column note")
        refresh(refresher)
        sold = events(refresher, instance, "sold")[0]
        diff = materialized(instance, "incremental_diff")
        found = specs(refresher)

    assert str(sold.metadata["changes"].value).splitlines()[2:] == [
        '| 4 | UPDATED | amount | comment | null | "in euro" |',
        "| 4 | DELETED | note |  | character varying(40) |  |",
        "| 3 | RENAMED |  | name | sale | sold |",
        '| 3 | UPDATED | note | data_type | "text" | "character varying(40)" |',
        "| 3 | UPDATED | note | max_length | null | 40 |",
        "| 2 | RENAMED | amount | name | euro | amount |",
        "| 2 | CREATED | note |  |  | text |",
    ]
    assert str(sold.metadata["changed columns are read by"].value).splitlines()[2:] == [
        "| amount | public.turnover |"
    ]
    assert diff.metadata["views that read changed columns"].value == 1
    assert "| 1 |" in str(diff.metadata["changed columns read by views"].value)
    constraints = found["public", "sold"].metadata["dagster/column_schema"].columns[1].constraints
    assert constraints.other == ["foreign key to public.customer.id"]
    definition = found["public", "turnover"].metadata["definition"].value
    assert definition.startswith("```sql\n")
    assert "sum(s.amount)" in definition
    assert found["public", "sold"].metadata.get("definition") is None


def test_what_a_killed_run_did_not_tell_is_told_by_the_next_refresh(
    fresh_database: str, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = postgresql(fresh_database)
    live.ddl("create table told (id integer)", "create table other (id integer)")
    with refreshing(fresh_database, instance=instance, lineage=EVERYTHING) as refresher:
        refresh(refresher)
        live.ddl("alter table told add column late text")
        with monkeypatch.context() as killed:
            # From the commit to its end, where a killed process would be gone.
            killed.setattr(state, "report_tables", None)
            assert not attempt(refresher).ok
        assert current(refresher).number == 2
        assert len(events(refresher, instance, "told")) == 1
        assert refresh(refresher).mode == "unchanged"
        assert len(events(refresher, instance, "told")) == 2
        latest = events(refresher, instance, "told")[0]
        assert "| 2 | CREATED | late |" in str(latest.metadata["changes"].value)
        assert len(events(refresher, instance, "other")) == 1
        refresh(refresher)
        assert len(events(refresher, instance, "told")) == 2


def test_an_instance_that_was_told_nothing_hears_of_every_table(fresh_database: str) -> None:
    postgresql(fresh_database).ddl("create table told (id integer)")
    objects = MemoryObjects()
    for known in (0, 1):
        with (
            dg.DagsterInstance.ephemeral() as instance,
            refreshing(fresh_database, objects, instance, lineage=EVERYTHING) as refresher,
        ):
            assert refresh(refresher).mode == ("unchanged" if known else "full")
            (event,) = events(refresher, instance, "told")
            assert event.metadata["version"].value == 1


# What each view reads as PostgreSQL recorded it; the columns are those used anywhere in the view.
DEPENDENCIES = """
    select distinct vn.nspname, v.relname, tn.nspname, t.relname, a.attname
    from pg_rewrite r
    join pg_class v on v.oid = r.ev_class and v.relkind in ('v', 'm')
    join pg_namespace vn on vn.oid = v.relnamespace
    join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
        and d.refclassid = 'pg_class'::regclass and d.refobjid <> v.oid
    join pg_class t on t.oid = d.refobjid and t.relkind in ('r', 'v', 'm', 'f', 'p')
    join pg_namespace tn on tn.oid = t.relnamespace
    left join pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid and a.attnum > 0
    where vn.nspname not in ('pg_catalog', 'information_schema')
"""


def test_what_the_shops_views_read_is_what_postgresql_recorded(postgres_url: str) -> None:
    url = f"{postgres_url.rpartition('/')[0]}/lineage_shop"
    create_shop(url)
    with psycopg.connect(url) as connection:
        recorded = connection.execute(DEPENDENCIES).fetchall()
    with refreshing(url, lineage=EVERYTHING) as refresher:
        refresh(refresher)
        views = {key: spec for key, spec in specs(refresher).items() if "view" in spec.kinds}

    expected: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    used: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for schema, view, of_schema, table, column in recorded:
        expected.setdefault((schema, view), set()).add((of_schema, table))
        used.setdefault((schema, view), set()).add((of_schema, table, column))
    assert len(views) >= 19
    for view, spec in views.items():
        read = {tuple(map(name_of, dep.asset_key.path[2:])) for dep in spec.deps}
        assert read == expected[view], view
        deps = spec.metadata["dagster/column_lineage"].deps_by_column
        columns = spec.metadata["dagster/column_schema"].columns
        assert set(deps) == {one.name for one in columns}, view
        traced = {
            (*map(name_of, one.asset_key.path[2:]), one.column_name)
            for sources in deps.values()
            for one in sources
        }
        assert traced, view
        assert traced <= used[view], view


def description_of_tables(refresher: Refresher) -> str:
    definitions = build_definitions(refresher.config, objects=refresher.store("shop").objects)
    found = {spec.key.path[-1]: spec for spec in definitions.resolve_all_asset_specs()}
    return str(found["tables"].description)


def test_beyond_the_limit_none_is_shown_and_that_is_said(
    fresh_database: str, instance: dg.DagsterInstance, caplog: pytest.LogCaptureFixture
) -> None:
    live = postgresql(fresh_database)
    live.ddl("create table a (id integer)", "create table b (id integer)")
    with refreshing(
        fresh_database, instance=instance, lineage={"include": {}, "limit": 1}
    ) as refresher:
        refresh(refresher)
        live.ddl("comment on table a is 'changed'")
        refresh(refresher)
        with caplog.at_level(logging.WARNING):
            assert specs(refresher) == {}
        assert events(refresher, instance, "a") == []
        assert "admits 2 tables" in description_of_tables(refresher).replace("&#46;", ".")

    assert "more than its limit of 1. Narrow `include`, or raise `limit`." in caplog.text


def test_a_damaged_state_never_keeps_the_code_location_from_loading(
    fresh_database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    postgresql(fresh_database).ddl("create table a (id integer)")
    objects = LocalObjects(tmp_path)
    with refreshing(fresh_database, objects, lineage=EVERYTHING) as refresher:
        refresh(refresher)
        (tables,) = tmp_path.glob("shop/versions/*/tables.parquet")
        tables.chmod(0o644)
        tables.write_bytes(b"something else")
        with caplog.at_level(logging.WARNING):
            assert specs(refresher) == {}
        (tmp_path / "shop" / "HEAD").unlink()
        assert specs(refresher) == {}

    assert "No tables of shop are shown. The state could not be read: StateCorrupt" in caplog.text


def test_tables_of_sqlite_are_shown_too(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.execute('create table Sale (id integer primary key, "a/b" text)')
        connection.execute("create view v as select * from sale")
        connection.commit()
    with refreshing(f"sqlite:///{tmp_path / 'shop.db'}", lineage=EVERYTHING) as refresher:
        refresh(refresher)
        found = specs(refresher)

    assert lineage_of(found["main", "v"]) == {"id": {"Sale.id"}, "a/b": {"Sale.a/b"}}


def test_a_view_that_would_hang_the_parser_is_shown_as_not_read(tmp_path: Path) -> None:
    nested = "int(" * 14 + "id" + ")" * 14
    sums = "+".join(["id"] * 900)
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.execute("create table sale (id integer primary key)")
        connection.execute(f"create view hostile as select {nested} as x from sale")
        connection.execute(f"create view large as select {sums} as a, {sums} as b from sale")
        connection.execute("create view v as select * from sale")
        connection.commit()
    with refreshing(f"sqlite:///{tmp_path / 'shop.db'}", lineage=EVERYTHING) as refresher:
        refresh(refresher)
        found = specs(refresher)

    assert "too many steps" in found["main", "hostile"].metadata["definition not read"]
    assert "too many steps" in found["main", "large"].metadata["columns not traced"]
    assert upstream(found["main", "hostile"]) == set()
    assert upstream(found["main", "large"]) == {"sale"}
    assert lineage_of(found["main", "v"]) == {"id": {"sale.id"}}
