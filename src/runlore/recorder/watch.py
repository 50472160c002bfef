"""Watching trainers: whether a process still is the one that opened a journal, and the notice when it vanished."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

import psutil

from runlore.errors import JournalError
from runlore.protocol.records import Exit
from runlore.recorder.tail import Tail, read_exits

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

START_TOLERANCE_S: Final = 1.0
"""Start times of one process, as told to two processes, differ by less than this."""


class Trainer:
    """The process that writes a journal.

    pid_start: when it started, seconds since 1970, 0 when unknown. journal: its path; a process that has it open is
    the right one whatever the clock says.
    """

    def __init__(self, pid: int, pid_start: float, journal: str) -> None:
        self.pid = pid
        self.pid_start = pid_start
        self._journal = journal
        self._process = self._find()

    def _find(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            if self.pid_start and abs(process.create_time() - self.pid_start) > START_TOLERANCE_S:
                # Either the pid was used again, or the clock was set: the start is told relative to the clock.
                return process if self._has_journal_open(process) else None
        except (psutil.NoSuchProcess, ValueError):
            return None
        except psutil.AccessDenied:
            return process
        return process

    def _has_journal_open(self, process: psutil.Process) -> bool:
        try:
            return any(file.path == self._journal for file in process.open_files())
        except psutil.Error:
            return False

    def is_alive(self) -> bool:
        """Whether it still runs; a zombie does not. Once false, always false."""
        if self._process is None:
            return False
        try:
            if self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            pass
        except psutil.AccessDenied:
            return True
        self._process = None
        return False


def out_of_memory_kills() -> int:
    """How many processes the kernel ended for want of memory since it started; 0 where it does not tell."""
    try:
        with open("/proc/vmstat", encoding="ascii") as file:  # noqa: PTH123 - read every few seconds
            for line in file:
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
    except (OSError, ValueError):
        return 0
    return 0


def crash_notice(writer: str, trainer: Trainer, *, was_out_of_memory: bool) -> Exit:
    """The Exit record on behalf of a trainer that ended without writing one.

    The signal is left empty: only a parent process is told it.
    """
    reason = f"process {trainer.pid} ended without finishing its run"
    if trainer.pid_start and psutil.boot_time() > trainer.pid_start + START_TOLERANCE_S:
        reason = f"the machine was restarted while process {trainer.pid} was running"
    elif was_out_of_memory:
        reason += "; about then the kernel ended a process for want of memory"
    return Exit(time_ns=time.time_ns(), state="crashed", reason=reason, on_behalf_of=writer)


def has_notice(run_dir: Path, writer: str) -> bool:
    """Whether a recorder before this one has already written down that ``writer`` vanished."""
    for path in run_dir.glob("*.rlj"):
        try:
            if Tail(str(path)).header().role == "recorder" and any(
                record.on_behalf_of == writer for record in read_exits(str(path))
            ):
                return True
        except (JournalError, OSError, EOFError) as error:
            log.info("cannot look for notices in %s: %s", path, error)
    return False
