"""All that an exception carries, as whoever prints or records it gets to see it."""

import traceback
from collections.abc import Iterator


def carried(error: BaseException) -> str:
    """The error and those behind it: words, arguments, notes, attributes, tracebacks.

    A context that ``from None`` hides is left out, as Python, Dagster and error trackers do.
    """
    told = ["".join(traceback.format_exception(error))]
    for one in _chain(error):
        told += [repr(one), repr(one.args), repr(getattr(one, "__notes__", ())), repr(vars(one))]
    return "\n".join(told)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        hidden = None if error.__suppress_context__ else error.__context__
        error = error.__cause__ or hidden
