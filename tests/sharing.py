"""How processes share the tests: what uses one server stays together, and what is long begins.

Otherwise a process would be left with the longest unit when the others have nothing to do.
"""

from xdist.scheduler import LoadFileScheduling

# The tests of a folder that have one webserver in common; the others there start their own.
WEBSERVER = "tests/webserver/"
ALONE = ("test_webserver_demo.py", "test_webserver_lineage.py")
# Beginnings of the names of units, the longest units first; all others come after them.
LONGEST = (
    WEBSERVER,
    "tests/laws/",
    "tests/packaging/",
    "tests/fan_out/",
    "tests/unit/cli/",
)


def unit(nodeid: str) -> str:
    """The unit of a test, which one process runs: a file, or all that use the one webserver."""
    file = nodeid.partition("::")[0]
    shared = file.startswith(WEBSERVER) and not file.endswith(ALONE)
    return WEBSERVER if shared else file


def rank(nodeid: str) -> int:
    """The place of a test's unit in the order; units of the same rank stay as they are."""
    found = (place for place, start in enumerate(LONGEST) if unit(nodeid).startswith(start))
    return next(found, len(LONGEST))


class Sharing(LoadFileScheduling):
    """Unit by unit, whoever is next."""

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)
