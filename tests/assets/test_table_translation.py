"""What users make of table assets: keys that others' assets know, groups, and refused mistakes."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from incremental_assets import (
    Config,
    ConfigError,
    Connection,
    SourceTable,
    TableTranslator,
    build_definitions,
)
from incremental_resources.state_store.local import LocalObjects

DDL = (
    "create table orders (id integer primary key, total integer)",
    "create table customers (id integer primary key)",
    "create view turnover as select sum(total) as total from orders",
)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def ddl(folder: Path, *statements: str, name: str = "shop") -> None:
    with closing(sqlite3.connect(folder / f"{name}.db")) as connection:
        connection.executescript(";".join(statements))


def configured(folder: Path, *names: str, **lineage: Any) -> Config:
    connections = tuple(
        Connection(name=name, url=f"sqlite:///{folder}/{name}.db", lineage=lineage)
        for name in names or ("shop",)
    )
    return Config(state=str(folder / "catalog"), connections=connections, base=folder)


def refresh(definitions: dg.Definitions, instance: dg.DagsterInstance, name: str = "shop") -> None:
    job = definitions.resolve_job_def(f"{name}_refresh")
    assert job.execute_in_process(instance=instance).success


def refreshed(folder: Path, instance: dg.DagsterInstance, **lineage: Any) -> Config:
    """A configuration whose connection has a state with ``DDL``."""
    ddl(folder, *DDL)
    config = configured(folder, **lineage)
    refresh(build_definitions(config), instance)
    return config


def tables(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    """The tables' assets by the table's own name."""
    dg.Definitions.validate_loadable(definitions)
    return {
        spec.metadata["dagster/table_name"].rpartition(".")[2]: spec
        for spec in definitions.resolve_all_asset_specs()
        if "dagster/table_name" in spec.metadata
    }


def keys(specs: Mapping[str, dg.AssetSpec]) -> dict[str, str]:
    return {name: spec.key.to_user_string() for name, spec in specs.items()}


class ByHand(TableTranslator):
    """Everything is changed, and what was there is kept where it may be."""

    def get_asset_spec(self, table: SourceTable) -> dg.AssetSpec:
        spec = super().get_asset_spec(table)
        return spec.replace_attributes(
            key=["raw", f"{table.schema}_{table.name}"],
            group_name="raw",
            tags={"domain": "sales"},
            owners=["team:sales"],
            kinds={"table"},
            description=f"{table.database}: {len(table.columns)} columns",
            deps=["loader"],
        )


def test_a_translator_decides_on_everything(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    config = refreshed(tmp_path, instance)
    found = tables(build_definitions(config, translator=ByHand()))

    assert keys(found) == {name: f"raw/main_{name}" for name in ("orders", "customers", "turnover")}
    orders, turnover = found["orders"], found["turnover"]
    assert (orders.group_name, orders.owners, orders.kinds) == ("raw", ["team:sales"], {"table"})
    assert orders.tags["domain"] == "sales"
    assert orders.description == "shop: 2 columns"
    assert {dep.asset_key.to_user_string() for dep in turnover.deps} == {
        "loader",
        "raw/main_orders",
    }
    lineage = turnover.metadata["dagster/column_lineage"].deps_by_column
    assert [one.asset_key.path for one in lineage["total"]] == [["raw", "main_orders"]]


def test_a_function_will_do(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    config = refreshed(tmp_path, instance)

    def upper(spec: dg.AssetSpec, table: SourceTable) -> dg.AssetSpec:
        return spec.replace_attributes(key=spec.key.with_prefix("up"), group_name=table.schema)

    found = tables(build_definitions(config, translator=upper))
    assert keys(found)["orders"] == "up/shop/shop/main/orders"
    assert found["orders"].group_name == "main"


@pytest.mark.parametrize("lineage", [True, False])
def test_events_go_to_the_keys_of_the_translator(
    tmp_path: Path, instance: dg.DagsterInstance, lineage: bool
) -> None:
    ddl(tmp_path, *DDL)
    definitions = build_definitions(configured(tmp_path), translator=ByHand(), lineage=lineage)
    refresh(definitions, instance)
    ddl(tmp_path, "alter table orders add note text")
    refresh(definitions, instance)

    records = instance.fetch_materializations(dg.AssetKey(["raw", "main_orders"]), 5).records
    told = [one.asset_materialization for one in records]
    columns = [one.metadata["dagster/column_schema"].value.columns for one in told if one]
    assert [[one.name for one in of_event] for of_event in columns] == [
        ["id", "total", "note"],
        ["id", "total"],
    ]
    assert not [key for key in instance.all_asset_keys() if key.path[-1] == "orders"]


def test_options_give_the_keys_of_a_dbt_source_and_the_events_follow(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    config = refreshed(tmp_path, instance, key_prefix=["sales"], key_parts=["table"])
    definitions = build_definitions(config)
    assert keys(tables(definitions))["orders"] == "sales/orders"

    ddl(tmp_path, "alter table orders add note text")
    refresh(definitions, instance)
    assert instance.get_latest_materialization_event(dg.AssetKey(["sales", "orders"]))


def test_one_node_is_ours_and_what_a_dbt_model_and_a_dlt_resource_read(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    """As dagster-dbt and dagster-dlt build them: of what they read they know the key alone."""
    config = refreshed(tmp_path, instance)

    def as_they_call_it(spec: dg.AssetSpec, table: SourceTable) -> dg.AssetSpec:
        theirs = {"orders": ["sales", "orders"], "customers": ["shop_customers"]}
        return spec.replace_attributes(key=theirs.get(table.name, spec.key))

    @dg.multi_asset(specs=[dg.AssetSpec(["marts", "revenue"], deps=[["sales", "orders"]])])
    def dbt_models() -> None: ...

    @dg.multi_asset(specs=[dg.AssetSpec("dlt_shop_customers", deps=["shop_customers"])])
    def dlt_resources() -> None: ...

    both = dg.Definitions.merge(
        dg.Definitions(assets=[dbt_models, dlt_resources]),
        build_definitions(config, translator=as_they_call_it),
    )
    dg.Definitions.validate_loadable(both)
    graph = both.resolve_asset_graph()

    assert graph.get(dg.AssetKey("shop_customers")).child_keys == {
        dg.AssetKey("dlt_shop_customers")
    }
    orders = graph.get(dg.AssetKey(["sales", "orders"]))
    assert orders.child_keys == {
        dg.AssetKey(["marts", "revenue"]),
        dg.AssetKey(["shop", "shop", "main", "turnover"]),
    }
    assert "dagster/column_schema" in orders.metadata
    assert [key.path for key in graph.get_all_asset_keys() if key.path[-1] == "orders"] == [
        ["sales", "orders"]
    ]


@pytest.mark.parametrize(
    ("group_by", "groups"),
    [
        ("connection", {"shop_tables"}),
        ("database", {"shop_tables__shop"}),
        ("schema", {"shop_tables__shop__main"}),
    ],
)
def test_groups_are_by_schema_where_one_says_so(
    tmp_path: Path, instance: dg.DagsterInstance, group_by: str, groups: set[str]
) -> None:
    config = refreshed(tmp_path, instance, group_by=group_by)
    found = tables(build_definitions(config))
    assert {spec.group_name for spec in found.values()} == groups


def groups_of(*names: tuple[str, str]) -> list[str | None]:
    """The groups of a table in these databases and schemas."""
    connection = Connection(name="shop", url="sqlite:///a.db", lineage={"group_by": "schema"})
    row = dict.fromkeys(("kind", "comment", "owner", "row_count"))
    rows = [{**row, "database": one, "schema": two, "table": "t"} for one, two in names]
    translator = TableTranslator()
    return [translator.get_asset_spec(SourceTable(connection, row, ())).group_name for row in rows]


def test_no_two_schemas_share_a_group() -> None:
    names = [
        ("a", "b"),
        ("a", "B"),
        ("a__b", "c"),
        ("a", "b__c"),
        ("a_b", "c"),
        ("a", "_b"),
        ("a", "b-c"),
        ("a", "b c"),
        ("a", "b_c"),
        ("a", "schöne"),
        ("a", "sch/ne"),
        ("", "a"),
        ("a", ""),
        ("😀", "漢"),
    ]
    found = groups_of(*names)

    assert len(set(found)) == len(names)
    # Dagster takes them.
    dg.Definitions.validate_loadable(
        dg.Definitions([dg.AssetSpec(str(i), group_name=one) for i, one in enumerate(found)])
    )
    assert found[4] == "shop_tables__a_b__c"


def test_kinds_tell_tables_from_views(tmp_path: Path) -> None:
    connection = Connection(name="shop", url="postgresql://localhost/shop")
    row = {"database": "d", "schema": "s", "table": "t", **dict.fromkeys(("comment", "owner"))}

    def kinds(kind: str) -> set[str]:
        table = SourceTable(connection, {**row, "kind": kind, "row_count": None}, ())
        return TableTranslator().get_asset_spec(table).kinds - {"postgresql"}

    assert kinds("TABLE") == kinds("PARTITIONED TABLE") == {"table"}
    assert kinds("VIEW") == {"view"}
    assert kinds("MATERIALIZED VIEW") == {"view", "materialized"}
    assert kinds("FOREIGN TABLE") == {"table", "foreign"}


def raising(spec: dg.AssetSpec, table: SourceTable) -> dg.AssetSpec:
    return spec if table.name == "orders" else spec.replace_attributes(owners=["nobody"])


def same_key(spec: dg.AssetSpec, _: SourceTable) -> dg.AssetSpec:
    return spec.replace_attributes(key="one")


def another_type(spec: dg.AssetSpec, table: SourceTable) -> Any:
    return spec.key if table.name == "orders" else spec


def one_of_ours(spec: dg.AssetSpec, table: SourceTable) -> dg.AssetSpec:
    key = ["shop", "marker"] if table.name == "orders" else spec.key
    return spec.replace_attributes(key=key)


@pytest.mark.parametrize(
    ("translator", "told", "left_alone"),
    [
        (raising, "shop.main.customers: DagsterInvalidDefinitionError: Invalid owner", "orders"),
        (another_type, "shop.main.orders: it gave AssetKey, not a dagster.AssetSpec", "turnover"),
    ],
)
def test_a_translator_that_cannot_be_used_is_refused_before_anything_starts(
    tmp_path: Path, instance: dg.DagsterInstance, translator: Any, told: str, left_alone: str
) -> None:
    config = refreshed(tmp_path, instance)
    with pytest.raises(ConfigError) as refused:
        build_definitions(config, translator=translator)

    assert told in str(refused.value)
    assert "nothing was started" in str(refused.value)
    assert left_alone not in str(refused.value)


@pytest.mark.parametrize(
    ("translator", "told", "left_alone"),
    [
        (same_key, "shop.main.orders of shop has one, as has shop.main.customers of shop", "one"),
        (
            one_of_ours,
            "shop.main.orders of shop has shop/marker, as has the asset shop/marker of this",
            "turnover",
        ),
    ],
)
def test_a_table_whose_key_is_taken_is_left_out_and_named_and_the_location_loads(
    tmp_path: Path,
    instance: dg.DagsterInstance,
    caplog: pytest.LogCaptureFixture,
    translator: Any,
    told: str,
    left_alone: str,
) -> None:
    """Whoever may create a table can bring it about."""
    config = refreshed(tmp_path, instance)
    definitions = build_definitions(config, translator=translator)

    dg.Definitions.validate_loadable(definitions)
    assert told in caplog.text
    specs = {spec.key.path[-1]: spec for spec in definitions.resolve_all_asset_specs()}
    assert left_alone in specs
    assert "orders" not in specs
    assert "as has" in str(specs["tables"].description)


@pytest.mark.parametrize("translator", [ByHand, "raw", 3])
def test_what_is_no_translator_is_refused(tmp_path: Path, translator: Any) -> None:
    with pytest.raises(ConfigError, match=r"Allowed: an instance of TableTranslator, or a func"):
        build_definitions(configured(tmp_path), translator=translator)


def test_of_two_connections_whose_tables_would_be_one_the_first_has_it(
    tmp_path: Path, instance: dg.DagsterInstance, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("shop", "office"):
        ddl(tmp_path, *DDL, name=name)
    config = configured(tmp_path, "shop", "office", key_prefix=[], key_parts=["schema", "table"])
    definitions = build_definitions(config)
    refresh(definitions, instance, "shop")
    refresh(definitions, instance, "office")

    dg.Definitions.validate_loadable(build_definitions(config))
    told = "office.main.orders of office has main/orders, as has shop.main.orders of shop"
    assert told in caplog.text
    assert "key_prefix" in caplog.text


def test_a_translator_that_fails_after_the_commit_fails_no_refresh(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    config = refreshed(tmp_path, instance)
    ddl(tmp_path, "alter table customers add name text")
    refresh(build_definitions(config, translator=raising, lineage=False), instance)

    assert LocalObjects(tmp_path / "catalog").read("shop/HEAD")
    marker = instance.get_latest_materialization_event(dg.AssetKey(["shop", "marker"]))
    assert marker is not None
    assert marker.asset_materialization is not None
    assert marker.asset_materialization.metadata["version"].value == 2


def test_a_table_with_the_key_of_an_asset_of_ours_says_nothing_for_that(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    config = refreshed(tmp_path, instance, key_prefix=["shop"], key_parts=["table"])
    definitions = build_definitions(config)
    ddl(tmp_path, "create table marker (id integer)")
    refresh(definitions, instance)

    latest = instance.get_latest_materialization_event(dg.AssetKey(["shop", "marker"]))
    assert latest is not None
    assert latest.asset_materialization is not None
    assert latest.asset_materialization.metadata["changed"].value is True
    told = instance.fetch_materializations(dg.AssetKey(["shop", "marker"]), limit=5).records
    assert len(told) == 2
