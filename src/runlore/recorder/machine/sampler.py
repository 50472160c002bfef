"""Sampling: readings of the machine for a run, gathered into windows of mean, minimum and maximum."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from runlore.protocol.records import System
from runlore.recorder.machine.cgroup import read_limits
from runlore.recorder.machine.cpu import Cores
from runlore.recorder.machine.disk import Disks
from runlore.recorder.machine.memory import read_memory
from runlore.recorder.machine.network import Network
from runlore.recorder.machine.nvidia import open_gpus
from runlore.recorder.machine.process import ProcessTree

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from runlore.recorder.entries import Settings

SHORTEST_INTERVAL_S: Final = 0.1


class Window:
    """Readings between two moments. start_ns: of the first moment, ns since 1970."""

    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns
        self.samples = 0
        self._values: dict[str, list[float]] = {}

    def add(self, reading: Mapping[str, float]) -> None:
        """Count one reading in."""
        self.samples += 1
        for name, value in reading.items():
            seen = self._values.get(name)
            if seen is None:
                self._values[name] = [value, value, value, 1]
            else:
                seen[0] += value
                seen[1] = min(seen[1], value)
                seen[2] = max(seen[2], value)
                seen[3] += 1

    def record(self, end_ns: int) -> System | None:
        """The window as a record; None when it has no reading. A mean is over the readings that had the metric."""
        if not self.samples:
            return None
        values = {
            name: [min(max(total / count, low), high), low, high]
            for name, (total, low, high, count) in self._values.items()
        }
        return System(start_ns=self.start_ns, end_ns=end_ns, samples=self.samples, values=values)


class Sampler:
    """Reads the machine for one run. Not thread-safe.

    settings: of the run; the interval is at least a tenth of a second, a window at least one interval.
    """

    def __init__(self, settings: Settings) -> None:
        self.interval_s = max(SHORTEST_INTERVAL_S, settings.stats_interval_s)
        self.window_s = max(self.interval_s, settings.stats_window_s)
        self._cores = Cores()
        self._disks = Disks(settings.disk_paths)
        self._network = Network()
        self._tree = ProcessTree()
        self._gpus = open_gpus(settings.gpu_ids)
        self._window = Window(time.time_ns())
        self._window_ends = time.monotonic() + self.window_s

    def read(self, pids: Collection[int]) -> dict[str, float]:
        """One reading of everything. pids: the run's trainers."""
        limits = read_limits(next(iter(pids), 0))
        found = {
            **self._tree.read(pids, limits),
            **self._cores.read(),
            **read_memory(limits),
            **self._disks.read(),
            **self._network.read(),
        }
        if self._gpus is not None:
            found.update(self._gpus.read(self._tree.pids))
        return found

    def sample(self, pids: Collection[int]) -> System | None:
        """Take one reading; the record of the window when this reading ends it."""
        self._window.add(self.read(pids))
        # A reading comes each interval, so that one that would end less than half of it later is this one.
        return self.flush() if time.monotonic() + self.interval_s / 2 >= self._window_ends else None

    def flush(self) -> System | None:
        """The record of the window as it is, and a new window; None when it is empty."""
        now_ns = time.time_ns()
        record = self._window.record(now_ns)
        self._window = Window(now_ns)
        self._window_ends = time.monotonic() + self.window_s
        return record

    def close(self) -> None:
        """Let go of the hardware's libraries."""
        if self._gpus is not None:
            self._gpus.close()
