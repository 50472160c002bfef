"""The run's processes: its trainers and all that they started."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import psutil

from runlore.recorder.machine.memory import MIB, total_memory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runlore.recorder.machine.cgroup import Limits

TREE_INTERVAL_S: Final = 10.0
"""How often new child processes are looked for; finding them costs a look at every process of the host."""


class ProcessTree:
    """``cpu``: percent of all cores that the processes may use; ``proc.cpu.threads``; ``proc.memory.rssMB`` (MiB, pages
    shared by several processes count in each); ``proc.memory.percent`` of the memory there is. Summed over the tree.
    """

    def __init__(self) -> None:
        self._processes: dict[int, psutil.Process] = {}
        self._cpu_s: dict[int, float] = {}
        self._roots: frozenset[int] = frozenset()
        self._looked_at = -TREE_INTERVAL_S
        self._read_at = time.monotonic()

    @property
    def pids(self) -> frozenset[int]:
        """The processes of the last reading."""
        return frozenset(self._processes)

    def _look(self, roots: frozenset[int]) -> None:
        found: dict[int, psutil.Process] = {}
        for pid in roots:
            try:
                root = self._processes.get(pid) or psutil.Process(pid)
                for process in (root, *root.children(recursive=True)):
                    found[process.pid] = self._processes.get(process.pid, process)
            except psutil.Error:
                continue
        self._processes = found
        self._roots = roots

    def read(self, roots: Iterable[int], limits: Limits) -> dict[str, float]:
        """One reading of the processes ``roots`` and their descendants; empty when none of them lives."""
        now = time.monotonic()
        wanted = frozenset(roots)
        if wanted != self._roots or now - self._looked_at >= TREE_INTERVAL_S:
            self._look(wanted)
            self._looked_at = now
        used_s, threads, rss = 0.0, 0, 0
        cpu_s: dict[int, float] = {}
        for pid, process in list(self._processes.items()):
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    threads += process.num_threads()
                    rss += process.memory_info().rss
            except psutil.Error:
                del self._processes[pid]
                continue
            cpu_s[pid] = times.user + times.system
            used_s += max(0.0, cpu_s[pid] - self._cpu_s[pid]) if pid in self._cpu_s else 0.0
        elapsed_s, self._read_at = now - self._read_at, now
        is_first, self._cpu_s = not self._cpu_s, cpu_s
        if not cpu_s:
            return {}
        found = {
            "proc.cpu.threads": float(threads),
            "proc.memory.rssMB": rss / MIB,
            "proc.memory.percent": 100.0 * rss / total_memory(limits),
        }
        if not is_first and elapsed_s > 0:
            cores = min(psutil.cpu_count() or 1, limits.cores or float("inf"))
            found["cpu"] = 100.0 * used_s / elapsed_s / cores
        return found
