"""The append-only journal file of one writer, and what happens when the disk refuses.

One ``append`` is one ``write``: when it returns, the operating system has the bytes, and they survive the death of the
process. When the disk is full or broken, frames wait in bounded memory, in order, and go out at a later call.
"""

from __future__ import annotations

import errno
import os
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from runlore.protocol import frames, wire
from runlore.protocol.records import Loss
from runlore.sdk import guard

if TYPE_CHECKING:
    from pathlib import Path

SPILL_BYTES: Final = 16 * 1024 * 1024
"""Most bytes that wait in memory for a disk that refuses. Further rows are counted as lost."""

RETRY_S: Final = 1.0
"""Seconds between two attempts to write what waits."""


_FLAGS: Final = os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
_HIGH_DESCRIPTOR: Final = 400


def _out_of_the_way(descriptor: int) -> int:
    """The file under a high descriptor number.

    A program that closes all descriptors (to become a daemon) and opens its own files gets the low numbers: with a
    high one our next write fails and is repaired, instead of landing in its file.
    """
    try:
        import fcntl  # noqa: PLC0415 - not on Windows

        high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _HIGH_DESCRIPTOR)
    except (ImportError, OSError):
        return descriptor
    os.close(descriptor)
    return high


class Journal:
    """Writer of one journal file. Not thread-safe: the caller holds its own lock around every method."""

    def __init__(self, path: Path, header: bytes) -> None:
        """Create the file and write magic and header. Raises OSError; a file that exists already is never touched."""
        self.path = path
        self._waiting: deque[tuple[bytes, int]] = deque()
        self._waiting_bytes = 0
        self._lost_rows = 0
        self._lost_bytes = 0
        self._last_try = 0.0
        self._trouble = ""
        self._fd = _out_of_the_way(os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600))
        self.append(frames.MAGIC + header, 0, is_vital=True)

    @property
    def is_open(self) -> bool:
        """Whether ``append`` still takes frames."""
        return self._fd >= 0

    @property
    def is_troubled(self) -> bool:
        """Whether the disk refused and frames may wait in memory."""
        return bool(self._trouble)

    @property
    def waiting_bytes(self) -> int:
        """Bytes that could not be written so far and wait in memory."""
        return self._waiting_bytes

    @property
    def lost_rows(self) -> int:
        """Rows given up and not yet told in a Loss record."""
        return self._lost_rows

    def append(self, frame: bytes, rows: int = 1, is_vital: bool = False) -> None:
        """Append whole frames. rows: how many rows they hold. is_vital: kept even past the spill limit.

        Never raises for a fault of the disk.
        """
        if self._trouble:
            self._append_later(frame, rows, is_vital)
            return
        try:
            written = os.write(self._fd, frame)
        except OSError as error:
            self._refused(frame, rows, 0, error)
            return
        if written != len(frame):
            self._write_rest(frame, rows, written)

    def size(self) -> int:
        """Bytes on disk; 0 when that cannot be told."""
        try:
            return os.fstat(self._fd).st_size if self._fd >= 0 else self.path.stat().st_size
        except OSError:
            return 0

    def retry(self, *, now: bool = False) -> bool:
        """Try to write what waits, at most once a second unless ``now``. True when nothing waits any more."""
        if not self._trouble:
            return True
        moment = time.monotonic()
        if not now and moment - self._last_try < RETRY_S:
            return False
        self._last_try = moment
        return self._write_waiting()

    def close(self) -> None:
        """Write what waits if the disk allows it, and close. Safe to call twice."""
        if self._fd < 0:
            return
        if not self.retry(now=True):
            waiting_rows = sum(rows for _, rows in self._waiting) + self._lost_rows
            guard.LOGGER.error(
                "%d rows (%d bytes) could not be written to journal %s and are lost: %s",
                waiting_rows,
                self._waiting_bytes + self._lost_bytes,
                self.path,
                self._trouble,
            )
        descriptor, self._fd = self._fd, -1
        try:
            os.close(descriptor)
        except OSError as error:
            guard.LOGGER.warning("cannot close journal %s: %s", self.path, error)

    def forget(self) -> None:
        """Drop the descriptor and what waits: they belong to the parent of this forked process."""
        descriptor, self._fd = self._fd, -1
        self._waiting.clear()
        self._waiting_bytes = self._lost_rows = self._lost_bytes = 0
        try:
            os.close(descriptor)
        except OSError as error:
            guard.LOGGER.debug("cannot close the parent's journal %s: %s", self.path, error)

    def _write_rest(self, frame: bytes, rows: int, written: int) -> None:
        """Go on after a short write."""
        while written < len(frame):
            try:
                more = os.write(self._fd, memoryview(frame)[written:])
            except OSError as error:
                self._refused(frame, rows, written, error)
                return
            if more == 0:
                self._refused(frame, rows, written, OSError("the disk takes no more bytes"))
                return
            written += more

    def _refused(self, frame: bytes, rows: int, torn: int, error: OSError) -> None:
        """Cut the torn part off again and keep the frame in memory."""
        self._cut(torn)
        self._trouble = error.strerror or str(error)
        self._last_try = 0.0 if error.errno == errno.EBADF else time.monotonic()
        guard.warn_once(
            f"journal {self.path}",
            "cannot write to journal %s: %s; training goes on, up to %d MB of rows wait in memory and are written "
            "when the disk allows it again",
            self.path,
            self._trouble,
            SPILL_BYTES // 2**20,
        )
        self._keep(frame, rows, is_vital=True)  # one frame past the limit does no harm

    def _cut(self, torn: int) -> None:
        if torn == 0 or self._fd < 0:
            return
        try:
            # Only this process appends to this file, so the torn bytes are its last ones.
            os.ftruncate(self._fd, max(0, os.fstat(self._fd).st_size - torn))
        except OSError as error:
            guard.LOGGER.debug("cannot cut a torn frame off journal %s: %s; readers skip it", self.path, error)

    def _keep(self, frame: bytes, rows: int, is_vital: bool) -> None:
        if not is_vital and self._waiting_bytes + len(frame) > SPILL_BYTES:
            self._lost_rows += rows
            self._lost_bytes += len(frame)
            guard.warn_once(
                f"journal loss {self.path}",
                "journal %s still cannot be written (%s) and memory for waiting rows is used up; "
                "further rows are lost and will be counted on the run",
                self.path,
                self._trouble,
            )
            return
        self._waiting.append((frame, rows))
        self._waiting_bytes += len(frame)

    def _append_later(self, frame: bytes, rows: int, is_vital: bool) -> None:
        if self.retry():
            self.append(frame, rows, is_vital)
        else:
            self._keep(frame, rows, is_vital)

    def _write_waiting(self) -> bool:
        if self._fd >= 0 and not self._is_ours():
            self._reopen()
        while self._waiting:
            frame, _rows = self._waiting[0]
            if not self._write_whole(frame):
                return False
            self._waiting.popleft()
            self._waiting_bytes -= len(frame)
        if self._lost_rows:
            loss = Loss(
                time_ns=time.time_ns(),
                reason=f"the journal could not be written: {self._trouble}",
                rows=self._lost_rows,
                size_bytes=self._lost_bytes,
            )
            if not self._write_whole(wire.encode(loss)):
                return False
            self._lost_rows = self._lost_bytes = 0
        self._trouble = ""
        guard.LOGGER.warning("journal %s can be written again", self.path)
        guard.forget(f"journal {self.path}")
        guard.forget(f"journal loss {self.path}")
        return True

    def _write_whole(self, frame: bytes) -> bool:
        written = 0
        while written < len(frame):
            try:
                more = os.write(self._fd, memoryview(frame)[written:])
            except OSError as error:
                self._cut(written)
                self._trouble = error.strerror or str(error)
                return False
            if more == 0:
                self._cut(written)
                return False
            written += more
        return True

    def _is_ours(self) -> bool:
        """Whether the descriptor still leads to our file: a program may have closed every descriptor it found."""
        try:
            ours, theirs = os.fstat(self._fd), os.stat(self.path)  # noqa: PTH116 - twin of fstat
        except OSError:
            return False
        return (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino)

    def _reopen(self) -> None:
        try:
            self._fd = _out_of_the_way(os.open(self.path, _FLAGS))
        except OSError as error:
            self._trouble = error.strerror or str(error)
