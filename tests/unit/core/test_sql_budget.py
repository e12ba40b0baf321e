"""However a view's text nests: the work done to read it is in proportion to its length.

Work is counted in calls, not in time.
"""

import sys
from collections.abc import Callable
from itertools import pairwise
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incremental_assets.core.lineage import Reads
from incremental_assets.core.sql_budget import STEPS_PER_VIEW, NotParsed, StepBudget
from incremental_assets.core.views import ViewReader

T, V = ("public", "t"), ("public", "v")
KNOWN = {T: tuple(f"c{number}" for number in range(20)), V: ("x",)}
CALLS_PER_STEP = 60
DEPTHS = [("postgres", 12), ("postgres", 60), ("sqlite", 12)]
# What opens and what closes one level of an expression.
EXPRESSIONS = [
    ("array[", "]"),
    ("int[", "]"),
    ("map[", "]"),
    ("[", "]"),
    ("c1[", "]"),
    ("{'a': ", "}"),
    ("map{1: ", "}"),
    ("(", ")"),
    ("(", ", 1)"),
    ("(", ")::text"),
    ("(", " + 1)"),
    ("int(", ")"),
    ("decimal(", ", 1)"),
    ("enum(", ")"),
    ("nullable(", ")"),
    ("struct(", ")"),
    ("nested(", ")"),
    ("timestamp(", ")"),
    ("row(", ")"),
    ("f(", ")"),
    ("f(x -> ", ")"),
    ("f((x) -> ", ")"),
    ("cast(", " as text)"),
    ("cast(c1 as array<", ">)"),
    ("struct<a ", ">"),
    ("array<", ">"),
    ("case when ", " then 1 end"),
    ("case c1 when 1 then ", " else 2 end"),
    ("if(", ", 1, 2)"),
    ("not ", ""),
    ("- ", ""),
    ("interval ", ""),
    ("date ", ""),
    ("c1 between ", " and 2"),
    ("c1 in (", ", 1)"),
    ("c1 = any (", ")"),
    ("sum(", ") over (partition by c1)"),
    ("sum(", ") filter (where true)"),
    ("array_agg(", " order by c1)"),
    ("f(", ") within group (order by c1)"),
    ("extract(year from ", ")"),
    ("trim(both ", " from c1)"),
    ("(select ", " as x from public.t)"),
    ("(select x from (select ", " as x from public.t) s)"),
    ("array(select ", " from public.t)"),
    ("exists (select 1 from public.t where ", ")"),
    ("(with a as (select ", " as x from public.t) select x from a)"),
    ("(select c1 from public.t union select ", ")"),
    ("(", ") is not null"),
    ("(", ") like 'a' escape 'b'"),
    ("(", ') collate "C"'),
]
RELATIONS = [
    ("(", ")"),
    ("(select * from ", ") s"),
    ("(select c1 as x, x + x as c1 from ", ") s"),
    ("(", " join public.t b using (c1))"),
    ("(", " cross join public.t b)"),
    ("(", " natural join public.t b)"),
    ("lateral (select * from ", ") s"),
    ("(select s.*, t.* from public.t, ", " s)"),
    ("(select * from public.t union all select * from ", ")"),
    ("(with a as (select * from ", ") select * from a) s"),
    ("(values (1), (2), (", "))"),
    ("unnest(", ") u(x)"),
    ("", " tablesample (1)"),
    ("", " pivot (sum(c1) for c2 in ('a', 'b'))"),
]
CHAINS: dict[str, Callable[[int], str]] = {
    "aliases": lambda n: f"c1 as a0{''.join(f', a{i} + a{i} as a{i + 1}' for i in range(n))}",
    "columns": lambda n: f"c1{', c1' * n}",
    "operators": lambda n: f"c1{' || c1' * n} as x",
    "casts": lambda n: f"c1{'::text' * n} as x",
    "dimensions": lambda n: f"c1::int{'[]' * n} as x",
    "dots": lambda n: f"{'a.' * n}b as x",
    "opened only": lambda n: "(" * n,
    "arrays opened only": lambda n: "array[" * n,
}
JOINS: dict[str, Callable[[int], str]] = {
    "natural": lambda n: "".join(f" natural join public.t t{i}" for i in range(n)),
    "using": lambda n: "".join(f" join public.t t{i} using (c1)" for i in range(n)),
    "lateral": lambda n: "".join(f", lateral (select c1 from public.t) l{i}" for i in range(n)),
    "union": lambda n: " union all select * from public.t" * n,
}


class Stopped(BaseException):
    """More calls than allowed."""


def read(text: str, dialect: str = "postgres", budget: StepBudget | None = None) -> Reads:
    return ViewReader(dialect, KNOWN, True, budget or StepBudget()).read(text, V)


def check_work(text: str, dialect: str = "postgres") -> None:
    """Read the text; fail where its length and its steps do not account for the calls made."""
    budget, calls = StepBudget(), 0
    full = budget.left

    def count(_frame: FrameType, _event: str, _argument: Any) -> None:
        nonlocal calls
        calls += 1
        if calls > CALLS_PER_STEP * STEPS_PER_VIEW:
            raise Stopped

    before = sys.gettrace()
    sys.settrace(count)
    try:
        read(text, dialect, budget)
    finally:
        sys.settrace(before)
    spent = full - budget.left
    assert spent <= 2 * STEPS_PER_VIEW
    assert calls <= CALLS_PER_STEP * (1_000 + 10 * len(text) + spent)


def nested(levels: list[tuple[str, str]], core: str) -> str:
    opened = "".join(opening for opening, _ in levels)
    return opened + core + "".join(closing for _, closing in reversed(levels))


@pytest.fixture(autouse=True, scope="module")
def _warm() -> None:
    """What is imported and cached at first is not counted."""
    for dialect in ("postgres", "sqlite"):
        read("select a[1], x.* from public.t x where f(c1 -> 1)", dialect)


@pytest.mark.parametrize(("dialect", "depth"), DEPTHS)
@pytest.mark.parametrize("level", EXPRESSIONS, ids="...".join)
def test_one_kind_of_expression_nested(level: tuple[str, str], depth: int, dialect: str) -> None:
    check_work(f"select {nested([level] * depth, 'c1')} as x from public.t", dialect)


@pytest.mark.parametrize(("dialect", "depth"), DEPTHS)
@pytest.mark.parametrize("level", RELATIONS, ids="...".join)
def test_one_kind_of_relation_nested(level: tuple[str, str], depth: int, dialect: str) -> None:
    check_work(f"select * from {nested([level] * depth, 'public.t')}", dialect)


@pytest.mark.parametrize("length", [12, 200, 1_000])
@pytest.mark.parametrize("chain", CHAINS)
def test_a_long_chain(chain: str, length: int) -> None:
    check_work(f"select {CHAINS[chain](length)} from public.t")


@pytest.mark.parametrize("length", [12, 200, 1_000])
@pytest.mark.parametrize("chain", JOINS)
def test_many_relations(chain: str, length: int) -> None:
    check_work(f"select * from public.t{JOINS[chain](length)}")


@pytest.mark.parametrize(
    "query", ["select * from {0}", "select x.c1, y.c2 from {0} x, {0} y", "select * from {0} x"]
)
@pytest.mark.parametrize("length", [12, 200])
def test_a_long_chain_of_ctes(query: str, length: int) -> None:
    names = ["public.t", *(f"a{number}" for number in range(length))]
    ctes = (f"{name} as ({query.format(read)})" for read, name in pairwise(names))
    check_work(f"with {', '.join(ctes)} select * from {names[-1]}")


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from(EXPRESSIONS), min_size=1, max_size=5),
    st.lists(st.sampled_from(RELATIONS), min_size=1, max_size=3),
    st.integers(1, 12),
    st.integers(1, 6),
    st.sampled_from(["postgres", "sqlite"]),
)
def test_kinds_nested_in_each_other(
    expressions: list[tuple[str, str]],
    relations: list[tuple[str, str]],
    deep: int,
    wide: int,
    dialect: str,
) -> None:
    value, source = nested(expressions * deep, "c1"), nested(relations * wide, "public.t")
    check_work(f"select {value} as x from {source} where {value} = 1", dialect)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from([opening for opening, _ in EXPRESSIONS + RELATIONS]), max_size=60))
def test_what_opens_and_never_closes(openings: list[str]) -> None:
    check_work("select " + "".join(openings))


def test_a_view_that_would_hang_the_parser_says_that_it_was_not_read() -> None:
    reads = read(f"select {nested([('array[', ']')] * 18, '1')} as x")

    assert reads == Reads(problem="it nests so that parsing would take too many steps")


def test_a_view_too_large_to_trace_keeps_its_tables() -> None:
    reads = read(f"select * from public.t{JOINS['natural'](200)}")

    assert reads.tables == (T,)
    assert reads.columns == {}
    assert reads.untraced == "it is so large or deep that tracing would take too many steps"


def test_all_views_together_have_a_budget_and_the_rest_says_so() -> None:
    budget = StepBudget(left=3_000)
    hostile = f"select {nested([('int[', ']')] * 18, '1')} as x"
    problems = [read(text, budget=budget).problem for text in (hostile, hostile, "select 1 as x")]

    assert "too many steps" in str(problems[0])
    assert problems[1:] == ["the 3,000,000 steps for all views together are used up"] * 2
    assert budget.left == 0


def test_a_parser_that_cannot_be_stopped_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    class Compiled:
        def __init__(self, **_options: object) -> None:
            raise TypeError("interpreted classes cannot inherit from compiled")

    monkeypatch.setattr("incremental_assets.core.sql_budget._counting", lambda _base: Compiled)
    with pytest.raises(NotParsed, match="uninstall sqlglotc"):
        StepBudget().parse("select 1", "postgres")
