"""A refused refresh: all that its message counts can be seen, and is accepted after that."""

import sqlite3
from contextlib import closing

from tests.shop_versions import Run, Shop

DROPPED = [f"t{number:02}" for number in range(12)]


def in_shop(shop: Shop, *statements: str) -> None:
    with closing(sqlite3.connect(shop.directory / "shop.db")) as source:
        for statement in statements:
            source.execute(statement)


def test_what_the_message_does_not_name_a_dry_run_lists(shop: Shop, run: Run) -> None:
    in_shop(shop, *(f"create table {name} (id integer)" for name in DROPPED))
    assert run("refresh", "shop").exit_code == 0
    in_shop(shop, *(f"drop table {name}" for name in DROPPED))
    refused = run("refresh", "shop")
    assert refused.exit_code == 1
    assert "shop.main.t09 and 2 more" in refused.stderr
    assert "incremental-assets refresh shop --dry-run" in refused.stderr
    listed = run("refresh", "shop", "--dry-run")
    assert listed.exit_code == 0
    assert [name for name in DROPPED if f"shop.main.{name} " not in listed.stdout] == []
    assert "warning: this refresh would be refused: " in listed.stdout
    assert run("refresh", "shop", "--accept-deletions").exit_code == 0
