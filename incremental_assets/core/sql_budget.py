"""Reading other people's SQL in a bounded number of steps.

sqlglot's parser tries, goes back and tries again: a few nested brackets after a type's name double
its work per level. Tracing columns takes the square of some lengths. What a text means is found in
views.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

# A step takes about 20 us. A text as people and printers write it takes two or three per token.
STEPS_AT_LEAST = 2_000
STEPS_PER_TOKEN = 20
STEPS_PER_VIEW = 100_000
# For all views that are read together: about a minute.
STEPS_IN_TOTAL = 3_000_000
NESTED = "it nests so that parsing would take too many steps"
LARGE = "it is so large or deep that tracing would take too many steps"
USED_UP = f"the {STEPS_IN_TOTAL:,} steps for all views together are used up"


class NotParsed(Exception):
    """A text was not read to its end; the message says why."""


@dataclass
class StepBudget:
    """Parses texts; ``left`` is how many steps are left for all of them together."""

    left: int = STEPS_IN_TOTAL

    def parse(self, text: str, dialect_name: str) -> exp.Expr:
        """The one statement in ``text``.

        Raises:
            NotParsed: it takes more steps than its length allows, or than are left.
            Exception: whatever the parser raises.
        """
        if self.left <= 0:
            raise NotParsed(USED_UP)
        dialect = Dialect.get_or_raise(dialect_name)
        tokens = dialect.tokenize(text)
        allowed = max(STEPS_AT_LEAST, min(STEPS_PER_TOKEN * len(tokens), STEPS_PER_VIEW))
        parser = _stoppable(dialect)
        parser.left = granted = min(allowed, self.left)
        parser.why = NESTED if allowed <= self.left else USED_UP
        try:
            statements: list[exp.Expr] = [one for one in parser.parse(tokens, text) if one]
        finally:
            self.left -= granted - max(parser.left, 0)
        if len(statements) != 1:
            raise ValueError("not one statement")
        return statements[0]

    def spend(self, steps: int) -> None:
        """Take the steps of work that cannot be stopped once it has begun.

        Raises:
            NotParsed: they are too many for one view, or more than are left.
        """
        if steps > STEPS_PER_VIEW:
            raise NotParsed(LARGE)
        if steps > self.left:
            raise NotParsed(USED_UP)
        self.left -= steps


def tracing_steps(query: exp.Query, widths: Sequence[int]) -> int:
    """What tracing the columns of ``query`` may take; ``widths``: of each known table it names.

    Never less than a fixed part of the calls that are really made: measured by the tests.
    """
    depths: dict[int, int] = {}
    nodes = climbed = sources = stars = naturals = pivots = 0
    for node in query.walk():
        depth = depths[id(node)] = depths.get(id(node.parent), 0) + 1
        nodes += 1
        climbed += depth
        sources += isinstance(node, exp.Table | exp.Query)
        stars += isinstance(node, exp.Star) and not isinstance(node.parent, exp.Func)
        naturals += isinstance(node, exp.Join) and node.method == "NATURAL"
        pivots += isinstance(node, exp.Pivot)
    expanded = (25 * stars + 3 * naturals + 20 * pivots**2) * sum(widths)
    return 10 * nodes + climbed // 30 + sources**2 + expanded


def _stoppable(dialect: Dialect) -> Any:
    """A parser of ``dialect`` that stops when it has no steps ``left``."""
    try:
        return _counting(type(dialect).parser_class)(dialect=dialect)
    except TypeError:
        # Compiled classes take no subclass: https://github.com/tobymao/sqlglot/issues/7923
        raise NotParsed(
            "the compiled build of sqlglot cannot be stopped while it parses; uninstall sqlglotc"
        ) from None


@cache
def _counting(base: Any) -> Any:
    class Counting(base):  # type: ignore[misc]
        left = 0
        why = ""

        def _advance(self, times: int = 1) -> None:
            # Every attempt, and every return from one, moves the parser's place in the text.
            if self.left <= 0:
                raise NotParsed(self.why)
            self.left -= 1
            super()._advance(times)

    return Counting
