"""Durability: live journals reach the disk about once a second, so that power loss costs at most the last second."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

log = logging.getLogger(__name__)

INTERVAL_S: Final = 1.0

# Not every system has the call that leaves a file's times alone.
_sync_data = getattr(os, "fdatasync", os.fsync)


def _sync_folder(path: str) -> None:
    if os.name == "nt":
        return  # Windows neither can nor must
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class DiskSync:
    """Remembers how much of each journal is on the disk. For one thread, which may be held up by a slow disk."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}
        self._told: set[str] = set()

    def sync(self, paths: Iterable[str]) -> int:
        """Bring what grew of the journals onto the disk; how many that were. Forgets journals that are not named.

        A disk that refuses is told once for each journal; the bytes stay with the operating system.
        """
        done = 0
        sizes: dict[str, int] = {}
        for path in paths:
            known = self._sizes.get(path)
            try:
                size = os.stat(path).st_size  # noqa: PTH116 - once a second for each journal
                if size != known:
                    self._sync(path, is_new=known is None)
                    done += 1
                sizes[path] = size
            except OSError as error:
                if path not in self._told:
                    log.warning("cannot bring %s onto the disk: %s; power loss may cost what was logged", path, error)
                    self._told.add(path)
        self._sizes = sizes
        return done

    def _sync(self, path: str, *, is_new: bool) -> None:
        with open(path, "r+b" if os.name == "nt" else "rb", buffering=0) as file:  # noqa: PTH123 - as above
            _sync_data(file.fileno())
        if is_new:
            # Or the file itself may be missing after power loss: its name stands in its folder, and that one's in the next.
            folder = os.path.dirname(path)  # noqa: PTH120 - as above
            for _ in range(3):
                _sync_folder(folder)
                folder = os.path.dirname(folder)  # noqa: PTH120 - as above
