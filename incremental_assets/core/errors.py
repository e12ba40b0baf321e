"""The errors that the rules raise, named by what to do about them.

RuleError
├── DuplicateKey           a listing holds the same key twice: fix the dialect's SQL
├── InvalidScope           a filter is not a valid pattern: fix the configuration
├── DeletionsSuspicious    too much disappeared at once: look, then accept or fix the grants
├── VersionUnfit           what would be committed is missing or damaged: run the refresh job
├── StateGone              versions were committed before, and none is there: find them
├── NoOpenExtraction       a step has no extraction to work for: run the refresh job
├── ExtractionClosed       its extraction is over: run the refresh job, which opens a new one
├── UnknownObject          no version that is kept has it: name another one
└── BatchesFailed          some batches could not be read: re-execute, only they are read again
"""


class RuleError(Exception):
    """A rule refused its input; the message says what, which and what next."""

    transient = False


class DuplicateKey(RuleError):
    """Two rows of one listing have the same key; the key is in the message."""


class InvalidScope(RuleError):
    """A filter of the scope cannot be used; the filter and the reason are in the message."""


class DeletionsSuspicious(RuleError):
    """More disappeared than the guard lets pass without a person's word."""


class VersionUnfit(RuleError):
    """There is nothing to commit, or it fails a blocking check; the problems are in the message."""


class StateGone(RuleError):
    """The state is empty although Dagster knows of versions in it; where, is in the message."""


class NoOpenExtraction(RuleError):
    """No extraction of this connection is open for the step."""


class ExtractionClosed(RuleError):
    """The extraction is committed or abandoned, or its base is no longer the head."""


class UnknownObject(RuleError):
    """No version that is kept has a table or column of that name, or several have."""


class BatchesFailed(RuleError):
    """Batches failed; ``transient`` if any of them may succeed when it is repeated."""

    def __init__(self, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.transient = transient
