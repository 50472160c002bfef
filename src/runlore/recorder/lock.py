"""The recorder's lock: one recorder for each user and machine. A held lock means a living recorder."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


PATIENCE_S: Final = 0.2
"""How long a held lock is tried again: trainers that look whether a recorder lives hold it for an instant."""


class RecorderLock:
    """An exclusive lock on a file, freed by the operating system when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def acquire(self) -> bool:
        """Take the lock; False when another process holds it. Raises OSError when the file cannot be opened."""
        retrying = Retrying(
            retry=retry_if_exception_type((BlockingIOError, PermissionError)),
            wait=wait_fixed(0.02),
            stop=stop_after_delay(PATIENCE_S),
        )
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            retrying(_try_lock, handle)
        except RetryError:
            os.close(handle)
            return False
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        return True

    def release(self) -> None:
        """Free the lock; without effect when it is not held."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
