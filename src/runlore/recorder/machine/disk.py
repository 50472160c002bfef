"""The host's disks: how full the chosen paths are, and how much was read and written."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

GIB: Final = 1024**3
MIB: Final = 1024**2


class Disks:
    """``disk.<path>.usagePercent`` and ``disk.<path>.usageGB`` (GiB) of each path; ``disk.in`` and ``disk.out``: MiB read
    and written by the whole host since the first reading.

    A path that cannot be read is told once and left out from then on.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = list(paths)
        self._first = psutil.disk_io_counters()

    def read(self) -> dict[str, float]:
        """One reading."""
        found: dict[str, float] = {}
        for path in list(self._paths):
            try:
                usage = psutil.disk_usage(path)
            except OSError as error:
                log.warning("cannot read how full %s is: %s; it is left out", path, error)
                self._paths.remove(path)
                continue
            found[f"disk.{path}.usagePercent"] = float(usage.percent)
            found[f"disk.{path}.usageGB"] = usage.used / GIB
        now = psutil.disk_io_counters()
        if now is not None and self._first is not None:
            found["disk.in"] = (now.read_bytes - self._first.read_bytes) / MIB
            found["disk.out"] = (now.write_bytes - self._first.write_bytes) / MIB
        return found
