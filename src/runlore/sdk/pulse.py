"""The one background thread of the SDK in a process: gives the runs' small chores a beat.

It is stopped while the process forks and started again after, so that a fork never copies a half-done chore and
Python does not warn of forking with threads.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from runlore.sdk import guard

if TYPE_CHECKING:
    from collections.abc import Callable

BEAT_S: Final = 0.5
_STOP_S: Final = 1.0

_chores: list[Callable[[], None]] = []
_beat: _Beat | None = None


class _Beat(threading.Thread):
    def __init__(self) -> None:
        super().__init__(name="runlore-pulse", daemon=True)
        self.is_over = threading.Event()

    def run(self) -> None:
        while not self.is_over.is_set():
            for chore in tuple(_chores):
                with guard.guarded("do a background chore"):
                    chore()
            self.is_over.wait(BEAT_S)


def add(chore: Callable[[], None]) -> None:
    """Call ``chore`` at once in the background and then each half second, until ``remove``."""
    if chore not in _chores:
        _chores.append(chore)
    start()


def remove(chore: Callable[[], None]) -> None:
    """Call ``chore`` no more; the thread ends with the last one."""
    if chore in _chores:
        _chores.remove(chore)
    if not _chores:
        stop()


def start() -> None:
    """Start the thread if there is something to do and it does not run."""
    global _beat  # noqa: PLW0603 - one thread a process
    if _chores and _beat is None:
        beat = _Beat()
        try:
            beat.start()
        except RuntimeError:  # the interpreter is shutting down, or allows no more threads: finish does the chores
            return
        _beat = beat


def stop() -> None:
    """End the thread; waits at most a second for a chore under way."""
    global _beat
    beat, _beat = _beat, None
    if beat is not None:
        beat.is_over.set()
        if beat is not threading.current_thread():
            beat.join(_STOP_S)


def after_fork() -> None:
    """In a forked child: there is no thread and nothing to do for the parent's runs."""
    global _beat  # noqa: PLW0603 - one thread a process
    _beat = None
    _chores.clear()
