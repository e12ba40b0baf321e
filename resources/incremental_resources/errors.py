"""The root of the errors that ``resources`` raises; each room names its own below it.

ResourceError
├── source/errors.py       the server, the login, a statement, a dialect's SQL
├── state_store/errors.py  the store, a conflict, damaged state
└── demo/errors.py         the demo's own server
"""


class ResourceError(Exception):
    """Something outside did not do what was asked; the message says what, which and what next.

    ``transient`` is True where the same call may succeed if it is simply repeated.
    """

    transient = False
