"""When to try again: jittered exponential waiting, so that a server that is away costs nothing and is soon found again."""

from __future__ import annotations

import time
from typing import Final

from tenacity import RetryCallState, Retrying, wait_fixed, wait_random_exponential

FIRST_WAIT_S: Final = 0.25
LONGEST_WAIT_S: Final = 4.0
"""Longest wait for a server that does not answer: it ships again at most this and one request after it returns."""

STEADY_WAIT_S: Final = 30.0
"""Longest wait after a refusal that time alone seldom mends (a wrong key, a foreign project)."""

_RETRYING: Final = Retrying()


class Backoff:
    """The next moment at which something may be tried, on the clock of ``time.monotonic``.

    longest_s: longest wait, in seconds.
    """

    def __init__(self, longest_s: float = LONGEST_WAIT_S) -> None:
        self._wait = wait_fixed(FIRST_WAIT_S) + wait_random_exponential(multiplier=0.5, max=longest_s - FIRST_WAIT_S)
        self._state = RetryCallState(_RETRYING, None, (), {})
        self._state.attempt_number = 0
        self.not_before = 0.0

    @property
    def failures(self) -> int:
        """Failures since the last success."""
        return self._state.attempt_number

    def is_open(self) -> bool:
        """Whether it may be tried now."""
        return time.monotonic() >= self.not_before

    def failed(self) -> None:
        """Note a failure: the next try comes later."""
        self._state.attempt_number += 1
        self.not_before = time.monotonic() + self._wait(self._state)

    def succeeded(self) -> None:
        """Note a success: the next try may come at once."""
        self._state.attempt_number = 0
        self.not_before = 0.0
