"""The errors that the rules raise, named by what to do about them.

RuleError
├── DuplicateKey           a listing holds the same key twice: mend the dialect's SQL
├── InvalidScope           a filter is not a valid pattern: mend the configuration
└── DeletionsSuspicious    too much disappeared at once: look, then accept or mend the grants
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
