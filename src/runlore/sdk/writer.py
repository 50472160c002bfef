"""One process's way into the journal of a run: the lock, the file, and what a forked child does instead."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from runlore.errors import UsageError
from runlore.protocol import wire
from runlore.protocol.records import Console, Objects

if TYPE_CHECKING:
    from collections.abc import Callable

    from runlore.protocol.records import Record
    from runlore.sdk.journal import Journal


class Writer:
    """Where the records of a run go. Thread-safe.

    open_journal: makes this process's journal when the first record comes; called once in the process that began
    the run and once more in each forked child that records something. None makes a writer that keeps nothing.
    """

    def __init__(self, open_journal: Callable[[], Journal] | None) -> None:
        self.lock = threading.RLock()
        self.is_closed = False
        self.on_open: Callable[[], None] | None = None
        """Called once when a record opens the journal by itself, in a process that had not opened it with ``start``."""
        self._open_journal = open_journal
        self._journal: Journal | None = None

    @property
    def journal(self) -> Journal | None:
        """The process's journal, None before the first record or where nothing is kept."""
        return self._journal

    @property
    def keeps(self) -> bool:
        """Whether records are kept at all."""
        return self._open_journal is not None

    def start(self) -> None:
        """Open the journal now. Raises OSError."""
        with self.lock:
            if self._journal is None and self._open_journal is not None:
                self._journal = self._open_journal()

    def append(self, frame: bytes, rows: int, is_vital: bool = False) -> None:
        """Append whole frames to the journal, see ``Journal.append``. Raises UsageError after ``close``."""
        with self.lock:
            if self.is_closed:
                raise UsageError("cannot record: the run is finished")
            if self._journal is None:
                if self._open_journal is None:
                    return
                self._journal = self._open_journal()
                if self.on_open is not None:
                    self.on_open()
            self._journal.append(frame, rows, is_vital)

    def send(self, record: Record) -> None:
        """Append one record; values and output may be given up when memory for waiting frames is full. Raises UsageError after ``close``, TypeError or ValueError when it cannot be encoded."""
        if self.keeps:
            self.append(wire.encode(record), isinstance(record, Objects), not isinstance(record, Objects | Console))

    def retry(self) -> None:
        """Write what waits for a disk that refused, at most once a second."""
        if self._journal is not None and self._journal.is_troubled:
            with self.lock:
                self._journal.retry()

    def close(self, last: Record | None = None) -> None:
        """Append ``last`` and close the journal. Safe to call twice; only the first call counts."""
        with self.lock:
            if self.is_closed:
                return
            if self._journal is not None:
                if last is not None:
                    self.send(last)
                self._journal.close()
            self.is_closed = True

    def after_fork(self) -> None:
        """In a forked child: forget the parent's journal and lock; the child gets its own journal on demand."""
        self.lock = threading.RLock()
        if self._journal is not None:
            self._journal.forget()
            self._journal = None
