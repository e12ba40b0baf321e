"""What views read, as PostgreSQL prints them and as SQLite keeps them."""

import pytest

from incremental_assets.core.lineage import Reads
from incremental_assets.core.views import LONGEST_DEFINITION, ViewReader

ORDERS = ("sales", "orders")
LINES = ("sales", "lines")
CUSTOMERS = ("public", "customers")
CATEGORIES = ("public", "categories")
ODD = ("public", 'a.b "c"/é')
TABLES = {
    ORDERS: ("order_id", "customer_id", "total"),
    LINES: ("order_id", "product", "quantity"),
    CUSTOMERS: ("customer_id", "full_name"),
    CATEGORIES: ("category_id", "parent_id", "name"),
    ODD: ("id", 'we"ird.col', "Upper"),
}
VIEW = ("sales", "shown")


def read(definition: str | None, *outputs: str) -> Reads:
    known = {**TABLES, VIEW: outputs}
    return ViewReader("postgres", known, qualified=True).read(definition, VIEW)


def traced(reads: Reads) -> dict[str, set[str]]:
    return {
        column: {".".join(source) for source in sources}
        for column, sources in reads.columns.items()
    }


def test_a_join_with_aliases_and_an_aggregate() -> None:
    reads = read(
        """ SELECT o.order_id,
    c.full_name AS customer,
    sum(l.quantity) AS pieces,
    count(*) AS lines
   FROM ((sales.orders o
     JOIN public.customers c USING (customer_id))
     LEFT JOIN sales.lines l ON ((l.order_id = o.order_id)))
  GROUP BY o.order_id, c.full_name;""",
        "order_id",
        "customer",
        "pieces",
        "lines",
    )

    assert reads.tables == (CUSTOMERS, LINES, ORDERS)
    assert traced(reads) == {
        "order_id": {"sales.orders.order_id"},
        "customer": {"public.customers.full_name"},
        "pieces": {"sales.lines.quantity"},
        "lines": set(),
    }
    assert (reads.unknown, reads.problem) == ((), None)


def test_the_columns_of_a_star_as_the_printer_spells_them_out() -> None:
    reads = read(
        """ SELECT order_id,
    customer_id,
    total
   FROM sales.orders
  WHERE (total > (10)::numeric);""",
        "order_id",
        "buyer",
        "total",
    )

    assert reads.tables == (ORDERS,)
    # Renamed with ALTER VIEW ... RENAME COLUMN: what counts is the position.
    assert traced(reads)["buyer"] == {"sales.orders.customer_id"}


def test_a_cte_is_no_table_and_hides_one_of_its_name() -> None:
    reads = read(
        """ WITH customers AS (
         SELECT orders.customer_id, max(orders.total) AS most
           FROM sales.orders
          GROUP BY orders.customer_id
        )
 SELECT customer_id,
    most
   FROM customers;""",
        "customer_id",
        "most",
    )

    assert reads.tables == (ORDERS,)
    assert traced(reads) == {
        "customer_id": {"sales.orders.customer_id"},
        "most": {"sales.orders.total"},
    }


def test_a_recursive_view() -> None:
    reads = read(
        """ WITH RECURSIVE tree(category_id, name, depth) AS (
         SELECT categories.category_id, categories.name, 0
           FROM public.categories
          WHERE (categories.parent_id IS NULL)
        UNION ALL
         SELECT c.category_id, c.name, (t.depth + 1)
           FROM (public.categories c
             JOIN tree t ON ((t.category_id = c.parent_id)))
        )
 SELECT category_id, name, depth FROM tree;""",
        "category_id",
        "name",
        "depth",
    )

    assert reads.tables == (CATEGORIES,)
    assert traced(reads)["name"] == {"public.categories.name"}


@pytest.mark.parametrize("operator", ["UNION ALL", "UNION", "INTERSECT", "EXCEPT"])
def test_a_set_operation_reads_both_sides(operator: str) -> None:
    reads = read(
        f""" SELECT orders.order_id AS id
   FROM sales.orders
{operator}
 SELECT customers.customer_id AS id
   FROM public.customers;""",
        "id",
    )

    assert reads.tables == (CUSTOMERS, ORDERS)
    assert traced(reads) == {"id": {"sales.orders.order_id", "public.customers.customer_id"}}


def test_tables_in_subqueries_conditions_and_laterals_are_read() -> None:
    reads = read(
        """ SELECT o.order_id,
    ( SELECT max(l.quantity) AS max
           FROM sales.lines l
          WHERE (l.order_id = o.order_id)) AS most,
    q.name
   FROM (sales.orders o
     CROSS JOIN LATERAL ( SELECT c.name
           FROM public.categories c
          WHERE (c.category_id = o.order_id)) q)
  WHERE (EXISTS ( SELECT 1
           FROM public.customers
          WHERE (customers.customer_id = o.customer_id)));""",
        "order_id",
        "most",
        "name",
    )

    assert reads.tables == (CATEGORIES, CUSTOMERS, LINES, ORDERS)
    assert traced(reads)["order_id"] == {"sales.orders.order_id"}


def test_names_that_need_quotes() -> None:
    reads = read(
        """ SELECT x.id,
    x."we""ird.col" AS "Odd one",
    upper((x."Upper")::text) AS u
   FROM public."a.b ""c""/é" x;""",
        "id",
        "Odd one",
        "u",
    )

    assert reads.tables == (ODD,)
    assert traced(reads) == {
        "id": {'public.a.b "c"/é.id'},
        "Odd one": {'public.a.b "c"/é.we"ird.col'},
        "u": {'public.a.b "c"/é.Upper'},
    }


def test_a_function_among_the_tables_is_no_table_and_its_columns_are_not_traced() -> None:
    reads = read(
        """ SELECT g.day, o.total
   FROM (generate_series(1, 3) g(day)
     LEFT JOIN sales.orders o ON ((o.order_id = g.day)));""",
        "day",
        "total",
    )

    assert reads.tables == (ORDERS,)
    assert "day" not in reads.columns


def test_what_is_not_known_is_named_and_leaves_no_columns() -> None:
    reads = read(
        """ SELECT o.order_id, s.state
   FROM (sales.orders o
     JOIN hidden.states s ON ((s.id = o.order_id))), pg_class;""",
        "order_id",
        "state",
    )

    assert reads.tables == (ORDERS,)
    assert reads.unknown == ("hidden.states", "pg_class")
    assert reads.columns == {}


def test_a_bare_name_is_none_of_the_tables_where_every_schema_is_named() -> None:
    assert read("SELECT orders.total FROM orders", "total").tables == ()


def test_a_column_that_is_not_in_the_state_leaves_the_edges_alone() -> None:
    reads = read("SELECT o.ctid AS place, o.total FROM sales.orders o", "place", "total")

    assert (reads.tables, reads.columns) == ((ORDERS,), {})


def test_a_whole_row_is_not_traced() -> None:
    assert traced(read("SELECT to_jsonb(o.*) AS row FROM sales.orders o", "row")) == {}


@pytest.mark.parametrize(
    ("definition", "problem"),
    [
        (None, "it has no definition"),
        ("", "it has no definition"),
        ("selekt everything ((", "it cannot be parsed"),
        ("drop table sales.orders", "it cannot be parsed"),
        ("select " + "(" * 20_000 + "1", "it cannot be parsed"),
        ("select 1 " + " " * LONGEST_DEFINITION, "it is longer than"),
    ],
)
def test_a_definition_that_cannot_be_read_is_told_and_no_error(
    definition: str | None, problem: str
) -> None:
    reads = read(definition, "x")

    assert (reads.tables, reads.columns) == ((), {})
    assert str(reads.problem).startswith(problem)


def in_sqlite(definition: str, *outputs: str) -> Reads:
    known = {
        ("main", "Orders"): ("Id", "Customer Id", "total"),
        ("main", "customers"): ("id", "name"),
        ("main", "shown"): outputs,
    }
    return ViewReader("sqlite", known, qualified=False).read(definition, ("main", "shown"))


def test_sqlite_finds_bare_names_in_any_case_and_expands_stars() -> None:
    reads = in_sqlite("CREATE VIEW shown AS SELECT * FROM [ORDERS]", "Id", "Customer Id", "total")

    assert reads.tables == (("main", "Orders"),)
    assert traced(reads)["Customer Id"] == {"main.Orders.Customer Id"}


def test_sqlite_names_a_views_columns_in_its_head() -> None:
    reads = in_sqlite(
        'create view if not exists shown(a, "b c") as '
        "select o.`customer id`, c.NAME from orders o "
        'join Main.Customers c on c.id = o."customer id"',
        "a",
        "b c",
    )

    assert reads.tables == (("main", "Orders"), ("main", "customers"))
    assert traced(reads) == {"a": {"main.Orders.Customer Id"}, "b c": {"main.customers.name"}}


def test_sqlite_with_a_cte_of_a_tables_name() -> None:
    reads = in_sqlite(
        "create view shown as with ORDERS as (select id from customers) select id from orders", "id"
    )

    assert reads.tables == (("main", "customers"),)
