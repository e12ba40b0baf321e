"""What a view reads: the tables, and column by column where its values come from.

The only module that reads SQL text, with sqlglot, which like the core touches nothing outside. The
texts are other people's: whatever cannot be understood gives no edge, and never an error.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect, NormalizationStrategy
from sqlglot.lineage import Node, lineage
from sqlglot.schema import MappingSchema

from incremental_assets.core.lineage import Place, Reads, Source
from incremental_assets.core.sql_budget import NotParsed, StepBudget, tracing_steps

# Machine-made texts can be huge, and parsing takes seconds per megabyte.
LONGEST_DEFINITION = 100_000
PLAIN = re.compile(r"\w+\.(\w+)", re.ASCII)


@dataclass(frozen=True)
class ViewReader:
    """Reads the definitions of views of one database.

    ``known``: table -> its columns in order. ``qualified``: whether definitions name the schema of
    every table, so that a bare name is never one of these tables. ``budget``: shared by readers
    whose views are read together.
    """

    dialect: str
    known: Mapping[Place, Sequence[str]]
    qualified: bool
    budget: StepBudget = field(default_factory=StepBudget)

    def read(self, definition: str | None, view: Place, *, tracing: bool = True) -> Reads:
        """What the view ``view``, one of the known tables, reads; ``tracing`` its columns too."""
        if not definition:
            return Reads(problem="it has no definition")
        if len(definition) > LONGEST_DEFINITION:
            return Reads(problem=f"it is longer than {LONGEST_DEFINITION:,} characters")
        try:
            query = _query(self.budget.parse(definition, self.dialect))
            found, unknown = self._tables(query, view[0])
        except NotParsed as reason:
            return Reads(problem=str(reason))
        except Exception as error:  # noqa: BLE001 - a parser that is fed other people's text
            return Reads(problem=f"it cannot be parsed ({type(error).__name__})")
        tables = tuple(sorted(set(found.values()) - {view}))
        names = self._names_in(query)
        try:
            columns = {} if unknown or not tracing else self._columns(query, view, found)
        except NotParsed as reason:
            return Reads(tables, unknown=unknown, untraced=str(reason), names=names)
        return Reads(tables, columns, unknown, names=names)

    def _names_in(self, query: exp.Query) -> frozenset[str]:
        named = {self._fold(one.name) for one in query.find_all(exp.Identifier)}
        stars = (one for one in query.find_all(exp.Star) if not isinstance(one.parent, exp.Count))
        return frozenset(named | {"*"} if any(stars) else named)

    def mentions(self, reads: Reads, column: str) -> bool:
        """Whether a view may use a column of that name, wherever in its text."""
        return "*" in reads.names or self._fold(column) in reads.names

    def _tables(self, query: exp.Query, home: str) -> tuple[dict[int, Place], tuple[str, ...]]:
        """The known tables by the id of the node that names them; the names of others."""
        found: dict[int, Place] = {}
        unknown = set()
        ctes = {
            id(with_.parent): {self._fold(cte.alias) for cte in with_.expressions}
            for with_ in query.find_all(exp.With)
        }
        for node in query.find_all(exp.Table):
            # A function among the tables is no identifier.
            if not isinstance(node.this, exp.Identifier) or self._is_cte(node, ctes):
                continue
            schema = node.db or ("" if self.qualified else home)
            place = self._places.get((self._fold(schema), self._fold(node.name)))
            if place:
                found[id(node)] = place
            else:
                unknown.add(f"{schema}.{node.name}" if schema else node.name)
        return found, tuple(sorted(unknown))

    def _is_cte(self, table: exp.Table, ctes: Mapping[int, set[str]]) -> bool:
        """Whether a WITH around it defines the bare name; it hides a table of that name."""
        if table.db:
            return False
        wanted, node = self._fold(table.name), table.parent
        while ctes and node is not None:
            if wanted in ctes.get(id(node), ()):
                return True
            node = node.parent
        return False

    @cached_property
    def _places(self) -> Mapping[Place, Place]:
        folded = ((self._fold(schema), self._fold(name)) for schema, name in self.known)
        return dict(zip(folded, self.known, strict=True))

    @cached_property
    def _any_case(self) -> bool:
        strategy = Dialect.get_or_raise(self.dialect).normalization_strategy
        return strategy is NormalizationStrategy.CASE_INSENSITIVE

    def _fold(self, name: str) -> str:
        return name.lower() if self._any_case else name

    def _columns(
        self, query: exp.Query, view: Place, found: Mapping[int, Place]
    ) -> dict[str, tuple[Source, ...]]:
        """The columns that could be traced to known ones, every step of the way."""
        self.budget.spend(tracing_steps(query, [len(self.known[one]) for one in found.values()]))
        stand_ins = _stand_in(query, found)
        schema: dict[str, Any] = {
            name: {self._fold(column): "text" for column in self.known[place]}
            for name, place in stand_ins.items()
        }
        try:
            nodes = lineage(
                None,
                query,
                MappingSchema(schema, dialect=self.dialect, normalize=False),
                dialect=self.dialect,
                copy=False,
                trim_selects=False,  # would copy the query once per column
                # Each alias that is built of another one twice would double the query.
                expand_alias_refs=False,
            )
        except Exception:  # noqa: BLE001 - as above; the edges between tables stand
            return {}
        outputs = self.known[view]
        if len(nodes) != len(outputs):
            return {}
        traced = {
            name: self._sources(node, stand_ins)
            for name, node in zip(outputs, nodes.values(), strict=True)
        }
        return {name: sources for name, sources in traced.items() if sources is not None}

    def _sources(self, node: Node, stand_ins: Mapping[str, Place]) -> tuple[Source, ...] | None:
        """The known columns at the ends of the trace; None where an end is anything else."""
        sources = set()
        for end in node.walk():
            if isinstance(end.expression, exp.Star | exp.Placeholder):
                return None
            if not isinstance(end.expression, exp.Table):
                continue
            place = stand_ins.get(end.expression.name)
            name = self._names(place).get(self._column_of(end.name)) if place else None
            if place is None or name is None:
                return None
            sources.add((*place, name))
        return tuple(sorted(sources))

    def _names(self, place: Place) -> Mapping[str, str]:
        if place not in self._folded:
            self._folded[place] = {self._fold(name): name for name in self.known[place]}
        return self._folded[place]

    @cached_property
    def _folded(self) -> dict[Place, Mapping[str, str]]:
        return {}

    def _column_of(self, written: str) -> str:
        """The column's own name in ``table.column``, as sqlglot writes it."""
        plain = PLAIN.fullmatch(written)
        # Parsing is exact, and a hundred times slower.
        return plain[1] if plain else self.budget.parse(written, "").name


def _query(tree: exp.Expr) -> exp.Query:
    """The query of a view's text, with or without ``create view``."""
    query = tree.expression if isinstance(tree, exp.Create) else tree
    if not isinstance(query, exp.Query):
        raise ValueError("no query")
    return query


def _stand_in(query: exp.Query, found: Mapping[int, Place]) -> dict[str, Place]:
    """Put plain names in place of tables' own, which may hold anything; name -> table."""
    names = {place: f"table {number}" for number, place in enumerate(sorted(set(found.values())))}
    for node in list(query.find_all(exp.Table)):
        place = found.get(id(node))
        if place is None:
            continue
        if not node.alias:
            node.set("alias", exp.TableAlias(this=node.this.copy()))
        node.set("this", exp.to_identifier(names[place], quoted=True))
        node.set("db", None)
        node.set("catalog", None)
    return {name: place for place, name in names.items()}
