"""What PostgreSQL's and psycopg's errors mean to us. Reading only: nothing is retried here."""

from resources.errors import ResourceError


def explain(error: Exception) -> ResourceError | None:
    """The driver's error as one of ours; None if it is unknown."""
    return None
