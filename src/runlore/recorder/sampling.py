"""Sampling of all runs in one thread of its own: a slow disk or driver holds up nothing but the next reading."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from runlore.recorder.machine.sampler import Sampler

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runlore.protocol.records import System
    from runlore.recorder.entries import Settings

log = logging.getLogger(__name__)


class Sampled(NamedTuple):
    """A run to sample. pids: its living trainers."""

    pids: frozenset[int]
    settings: Settings


class _Going:
    def __init__(self, settings: Settings) -> None:
        self.sampler = Sampler(settings)
        self.due = time.monotonic()


class Sampling:
    """Samples the runs it was last told of, each at its own interval.

    on_window(run, record) is called in the sampling thread for each window, also for the last, shorter one of a run
    that ends.
    """

    def __init__(self, on_window: Callable[[str, System], None]) -> None:
        self._on_window = on_window
        self._wanted: dict[str, Sampled] = {}
        self._going: dict[str, _Going] = {}
        self._wake = threading.Event()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._work, name="sample", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def want(self, runs: Mapping[str, Sampled]) -> None:
        """Which runs to sample from now on."""
        if runs != self._wanted:
            self._wanted = dict(runs)
            self._wake.set()

    def is_going(self, run: str) -> bool:
        """Whether another window of the run may come."""
        return run in self._wanted or run in self._going

    def close(self) -> None:
        """Write the windows under way and end. Waits a few seconds for a reading that hangs, not longer."""
        self._is_stopping = True
        self._wanted = {}
        self._wake.set()
        self._thread.join(timeout=5)

    def _work(self) -> None:
        while True:
            wanted = self._wanted
            for run in [run for run in self._going if run not in wanted]:
                self._end(run)
            if self._is_stopping:
                return
            now = time.monotonic()
            for run, sampled in wanted.items():
                self._take(run, sampled, now)
            waits = [going.due - time.monotonic() for going in self._going.values()]
            self._wake.wait(max(0.0, min(waits)) if waits else None)
            self._wake.clear()

    def _take(self, run: str, sampled: Sampled, now: float) -> None:
        try:
            going = self._going.get(run)
            if going is None:
                going = self._going[run] = _Going(sampled.settings)
            if now < going.due:
                return
            # Readings that were missed are not made up for.
            going.due = max(going.due + going.sampler.interval_s, now)
            record = going.sampler.sample(sampled.pids)
            if record is not None:
                self._on_window(run, record)
        except Exception:
            log.exception("a fault of the recorder while it sampled the machine for %s", run)

    def _end(self, run: str) -> None:
        going = self._going[run]
        try:
            record = going.sampler.flush()
            going.sampler.close()
            if record is not None:
                self._on_window(run, record)
        except Exception:
            log.exception("a fault of the recorder while it ended the sampling for %s", run)
        finally:
            del self._going[run]
