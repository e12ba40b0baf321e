"""The rights that the docs ask for are enough, and no more than they say are used."""

import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.documents import block, section
from tests.live import current, differences, refresh, refreshing, state
from tests.postgres_server import WITH_PASSWORD
from tests.sources import CATALOGUE, ROUTINES, Live, postgresql, sqlite

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
