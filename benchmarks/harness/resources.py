"""CPU time, memory and disk of groups of processes, sampled from outside."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, NamedTuple, Self

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from types import TracebackType


class Use(NamedTuple):
    """What a group of processes took. cpu_s: user and system; peak_mb: largest sum of resident memory (10^6 bytes)."""

    cpu_s: float
    peak_mb: float


class Watch:
    """Samples groups of processes in a thread until the block ends.

    groups: name → the pids that belong to it at this moment. What a process used after its last sample is not seen,
    so figures of processes that end within the block are low by at most ``every_s`` of CPU time.
    """

    def __init__(self, groups: Mapping[str, Callable[[], Iterable[int]]], *, every_s: float = 0.05) -> None:
        self._groups = groups
        self._every_s = every_s
        self._first: dict[tuple[str, int], float] = {}
        self._last: dict[tuple[str, int], float] = {}
        self._peak: dict[str, float] = dict.fromkeys(groups, 0.0)
        self._processes: dict[int, psutil.Process] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample_on, daemon=True)
        self._begun = False

    def _sample(self) -> None:
        for name, pids in self._groups.items():
            memory = 0
            for pid in pids():
                with contextlib.suppress(psutil.Error):
                    process = self._processes.get(pid) or self._processes.setdefault(pid, psutil.Process(pid))
                    with process.oneshot():
                        times = process.cpu_times()
                        memory += process.memory_info().rss
                    used = times.user + times.system
                    # A process that appears later has used all of its time within the block.
                    self._first.setdefault((name, pid), 0.0 if self._begun else used)
                    self._last[name, pid] = used
            self._peak[name] = max(self._peak[name], memory / 1e6)
        self._begun = True

    def _sample_on(self) -> None:
        while not self._over.wait(self._every_s):
            self._sample()

    def __enter__(self) -> Self:
        self._sample()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._sample()

    def use(self, name: str) -> Use:
        """What a group took from the start of the block to the last sample."""
        cpu_s = sum(last - self._first[key] for key, last in self._last.items() if key[0] == name)
        return Use(cpu_s, self._peak[name])


def tree_of(pid: int) -> list[int]:
    """The process and its living descendants."""
    try:
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def folder_bytes(folder: Path) -> int:
    """Bytes of all files under a folder, by their lengths."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.is_file() and not path.is_symlink():
                total += path.stat().st_size
    return total
