"""What every worker of ``sdk.py`` measures, the same for each tool. Standard library only: it runs in every environment.

    python X_worker.py speed WORK_FOLDER ROWS SUSTAINED_ROWS LIMIT_SECONDS
    python X_worker.py idle WORK_FOLDER SECONDS
    python X_worker.py crash WORK_FOLDER ACKNOWLEDGED_FILE    logs 1,000 rows/s until it is killed
    python X_worker.py count WORK_FOLDER                      how many rows a reader finds afterwards

The last line of the output is one JSON object.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import struct
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

SCALARS = 10


class Tool(Protocol):
    """A tool under test. Each method is timed by the caller."""

    def load(self) -> str:
        """Import it and return its version."""

    def begin(self, work: Path) -> None:
        """Start a run that keeps everything under ``work``."""

    def log(self, row: dict[str, float], step: int) -> None:
        """Log one row."""

    def end(self) -> None:
        """Finish the run."""

    def count(self, work: Path) -> int:
        """How many rows are on disk, by the tool's own reader where it has one."""


def rows_of(count: int) -> list[dict[str, float]]:
    """Noisy rows of ten scalars; the same ones for every tool."""
    source = random.Random(7)
    return [{f"train/metric_{name}": source.gauss(name, 1.0) for name in range(SCALARS)} for _ in range(count)]


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    begin = time.perf_counter()
    found = call()
    return time.perf_counter() - begin, found


def _speed(tool: Tool, work: Path, count: int, sustained: int, limit_s: float) -> dict[str, Any]:
    import_s, version = _timed(tool.load)
    init_s, _ = _timed(lambda: tool.begin(work))
    rows = rows_of(count)
    first_s, _ = _timed(lambda: tool.log(rows[0], 0))
    clock = time.perf_counter_ns
    taken = []
    stop = time.monotonic() + limit_s
    for step in range(1, count):
        row = rows[step]
        begin = clock()
        tool.log(row, step)
        taken.append(clock() - begin)
        if not step % 64 and time.monotonic() > stop:
            break
    step = len(taken) + 1
    stop = time.monotonic() + limit_s
    cpu = os.times()
    begin_s = time.perf_counter()
    done = 0
    for done in range(1, sustained + 1):
        tool.log(rows[done % count], step)
        step += 1
        if not done % 64 and time.monotonic() > stop:
            break
    sustained_s = time.perf_counter() - begin_s
    used = os.times()
    finish_s, _ = _timed(tool.end)
    taken.sort()
    return {
        "version": version,
        "import_s": import_s,
        "init_s": init_s,
        "first_log_s": first_s,
        "timed_rows": len(taken),
        "median_us": taken[len(taken) // 2] / 1e3,
        "p99_us": taken[int(len(taken) * 0.99)] / 1e3,
        "max_us": taken[-1] / 1e3,
        "sustained_rows": done,
        "sustained_s": sustained_s,
        "sustained_cpu_s": used.user + used.system - cpu.user - cpu.system,
        "finish_s": finish_s,
        "rows": step,
    }


def _idle(tool: Tool, work: Path, seconds: float) -> dict[str, Any]:
    version = tool.load()
    tool.begin(work)
    for step, row in enumerate(rows_of(int(seconds))):
        tool.log(row, step)
        time.sleep(1)
    tool.end()
    return {"version": version}


def _crash(tool: Tool, work: Path, acknowledged: Path) -> None:
    tool.load()
    tool.begin(work)
    rows = rows_of(100)
    with acknowledged.open("r+b") as file, mmap.mmap(file.fileno(), 8) as counter:
        step = 0
        due = time.perf_counter()
        while True:
            tool.log(rows[step % 100], step)
            step += 1
            struct.pack_into("<Q", counter, 0, step)
            due += 0.001
            time.sleep(max(due - time.perf_counter(), 0))


def main(tool: Tool) -> None:
    phase, work, *numbers = sys.argv[1:]
    found: dict[str, Any] = {}
    folder = Path(work)
    if phase == "speed":
        found = _speed(tool, folder, int(numbers[0]), int(numbers[1]), float(numbers[2]))
    elif phase == "idle":
        found = _idle(tool, folder, float(numbers[0]))
    elif phase == "crash":
        _crash(tool, folder, Path(numbers[0]))
    elif phase == "count":
        found = {"rows": tool.count(folder)}
    else:
        raise SystemExit(f"unknown phase {phase!r}: expected speed, idle, crash or count")
    sys.stdout.write("\n" + json.dumps(found) + "\n")
