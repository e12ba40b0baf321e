"""Requests to S3, repeated while the store asks for patience; the only retries there are.

The client that is handed in must not retry by itself: a repeated conditional write can meet its
own first attempt, and whoever decides what that means has to know that there was one.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from incremental_resources.state_store.s3_errors import explained, is_passing

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Retries:
    """How often and how long a request is repeated."""

    attempts: int = 6
    first_pause: float = 0.2
    longest_pause: float = 5.0
    # With timeouts of a minute each, six attempts would be too many.
    seconds: float = 120.0

    def pause(self, attempt: int) -> None:
        """Wait after the given attempt: longer each time, and never as long as everybody else."""
        ceiling = min(self.first_pause * 2 ** (attempt - 1), self.longest_pause)
        time.sleep(random.uniform(ceiling / 2, ceiling))

    def call(self, place: str, request: Callable[[int], Answer]) -> Answer:
        """``request(attempt)``, attempts counted from 1, until it is answered.

        Raises StoreUnavailable; ClientError passes where the answer was a refusal that repeating
        cannot change.
        """
        until = time.monotonic() + self.seconds
        attempt = 1
        while True:
            try:
                return request(attempt)
            except (BotoCoreError, ClientError) as error:
                if not is_passing(error) and isinstance(error, ClientError):
                    raise
                last = attempt >= self.attempts or time.monotonic() > until
                if last or not is_passing(error):
                    raise explained(error, place, attempt) from None
            self.pause(attempt)
            attempt += 1
