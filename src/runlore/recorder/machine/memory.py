"""The host's memory, or the container's where that is less."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psutil

from runlore.recorder.machine.cgroup import memory_used

if TYPE_CHECKING:
    from runlore.recorder.machine.cgroup import Limits

MIB: Final = 1024 * 1024


def total_memory(limits: Limits) -> int:
    """Bytes of memory there are for a process with these limits."""
    total = int(psutil.virtual_memory().total)
    return total if limits.memory_bytes is None else min(total, limits.memory_bytes)


def read_memory(limits: Limits) -> dict[str, float]:
    """``memory_percent`` in use and ``proc.memory.availableMB`` (MiB) still free."""
    host = psutil.virtual_memory()
    if limits.memory_bytes is not None and limits.memory_bytes < host.total and limits.group is not None:
        used = memory_used(limits.group)
        if used is not None:
            return {
                "memory_percent": 100.0 * used / limits.memory_bytes,
                "proc.memory.availableMB": min(limits.memory_bytes - used, host.available) / MIB,
            }
    return {"memory_percent": float(host.percent), "proc.memory.availableMB": host.available / MIB}
