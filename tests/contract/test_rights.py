"""The rights that the docs ask for are enough, and no more than they say are used."""

import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from incremental_assets.core.entities import ENTITIES
from tests.documents import block, section
from tests.live import current, differences, refresh, refreshing, state
from tests.postgres_server import WITH_PASSWORD
from tests.sources import CATALOGUE, ROUTINES, Live, mysql, postgresql, sqlite

# What the statements in docs/databases.md name.
DATABASE, ROLE, PASSWORD = "shop", "catalog_reader", "change me"

HIDDEN = (
    "create role owner_of_shop",
    "create schema closed authorization owner_of_shop",
    "create table closed.sale (id integer primary key, note text default 'x')",
    "comment on column closed.sale.note is 'not for you'",
    "create view closed.offer as select * from closed.sale",
    "create materialized view closed.total as select count(*) from closed.sale",
    "create function closed.f() returns integer language sql return 1",
    "revoke all on function closed.f() from public",
    "alter table closed.sale owner to owner_of_shop",
    "revoke all on schema public from public",
)


def statements() -> list[str]:
    """The SQL that the docs have people run for a login."""
    text = block("docs/databases.md", "sql", "create role")
    assert text in section("docs/databases.md", "## Rights needed")
    return [statement.strip() for statement in text.split(";") if statement.strip()]


@pytest.fixture
def shop(postgres_url: str) -> Iterator[Live]:
    """A database that only those may enter who are let in."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"create database {DATABASE}")
        connection.execute(f"revoke all on database {DATABASE} from public")
    live = postgresql(postgres_url.rpartition("/")[0] + f"/{DATABASE}")
    live.ddl(*CATALOGUE, *ROUTINES["postgresql"], *HIDDEN)
    yield live
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"drop database {DATABASE} with (force)")
        connection.execute(f"drop role if exists owner_of_shop, {ROLE}")


def test_a_login_made_by_the_docs_sees_all_that_a_superuser_sees(shop: Live) -> None:
    shop.ddl(*statements())
    # It has to give its password; that is no right.
    shop.ddl(f"grant {WITH_PASSWORD} to {ROLE}")
    least = shop.url.set(username=ROLE, password=PASSWORD)
    urls = [url.render_as_string(hide_password=False) for url in (least, shop.url)]
    with refreshing(urls[0]) as mine, refreshing(urls[1]) as everything:
        refresh(mine)
        refresh(everything)
        seen, there = state(current(mine)), state(current(everything))
        assert "not for you" in seen["columns"].collect()["comment"].to_list()
        assert differences(seen, there) == {}
        shop.ddl("alter table closed.sale add column more integer")
        assert refresh(mine).mode == "incremental"


def test_without_the_documented_statements_nobody_gets_in(shop: Live) -> None:
    shop.ddl(statements()[0])
    url = shop.url.set(username=ROLE).render_as_string()
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(url)


MYSQL_SHOP = (
    *CATALOGUE,
    *ROUTINES["mariadb"],
    "create view listed as select s.id, p.name from sale s join product p on p.id = s.product",
    "create definer = nobody view unowned as select id from product",
    "create table made (a integer, b integer as (a + 1), c varchar(9) default 'x' comment 'said')",
    "create procedure look(in n integer) begin end",
)


@pytest.fixture(params=["mariadb", "mysql"])
def mysql_shop(request: pytest.FixtureRequest) -> Iterator[Live]:
    """A database that nobody else may enter; the role of the docs is gone afterwards."""
    live = mysql(request.getfixturevalue(f"{request.param}_database"))
    live.ddl(f"drop user if exists {ROLE}", *MYSQL_SHOP)
    yield live
    live.ddl(f"drop user {ROLE}")


def mysql_statements(live: Live) -> list[str]:
    """The SQL of the docs, with the name of the test's database in the place of the shop's."""
    of_product = {"mariadb": "mysql.proc", "mysql": "show_routine"}[live.dialect.name]
    text = block("docs/databases.md", "sql", of_product)
    assert text in section("docs/databases.md", "## Rights needed")
    whole = text.replace(f"{DATABASE}.*", f"{live.schema}.*")
    return [statement.strip() for statement in whole.split(";") if statement.strip()]


def as_documented_role(live: Live) -> str:
    url = live.url.set(username=ROLE, password=PASSWORD)
    return url.render_as_string(hide_password=False)


def test_a_login_made_by_the_docs_sees_all_of_the_schema(mysql_shop: Live) -> None:
    mysql_shop.ddl(*mysql_statements(mysql_shop))
    root = mysql_shop.url.render_as_string(hide_password=False)
    with refreshing(as_documented_role(mysql_shop)) as mine, refreshing(root) as everything:
        refresh(mine)
        refresh(everything)
        seen, there = state(current(mine)), state(current(everything))
        assert seen["tables"].collect().height == 6
        assert seen["procedures"].collect()["definition"].null_count() == 0
        assert differences(seen, there) == {}
        mysql_shop.ddl("alter table sale add column more integer")
        assert refresh(mine).mode == "incremental"


def test_without_select_only_the_texts_of_views_are_missing(mysql_shop: Live) -> None:
    changed = [
        one.replace("grant select,", "grant references,") for one in mysql_statements(mysql_shop)
    ]
    mysql_shop.ddl(*changed)
    root = mysql_shop.url.render_as_string(hide_password=False)
    with refreshing(as_documented_role(mysql_shop)) as mine, refreshing(root) as everything:
        refresh(mine)
        refresh(everything)
        without = {
            name: frame.drop("definition") if name == "tables" else frame
            for name, frame in state(current(mine)).items()
        }
        there = state(current(everything))
        assert without["tables"].collect().height == 6
        for name, frame in without.items():
            compared = [
                column
                for column in frame.collect_schema()
                if column in (*ENTITIES[name].key, *ENTITIES[name].compared)
            ]
            one, other = (side[name].select(compared).collect() for side in (without, there))
            assert one.equals(other), name


def test_a_file_and_a_folder_that_cannot_be_written_are_enough(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    live = sqlite(folder / "shop.db")
    live.ddl(*CATALOGUE)
    (folder / "shop.db").chmod(stat.S_IRUSR)
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    before = (folder / "shop.db").read_bytes()
    try:
        with refreshing(f"sqlite:///{folder}/shop.db") as refresher:
            assert refresh(refresher).counts["tables"] == 3
    finally:
        folder.chmod(stat.S_IRWXU)
    assert [path.name for path in folder.iterdir()] == ["shop.db"]
    assert (folder / "shop.db").read_bytes() == before
