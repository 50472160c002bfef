"""What a container may use: the limits of a process's control group (Linux, version 2 of the interface)."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path("/sys/fs/cgroup")


class Limits(NamedTuple):
    """Limits of a process. memory_bytes, cores: None without a limit. group: folder that sets the memory limit."""

    memory_bytes: int | None
    cores: float | None
    group: Path | None


def _groups(pid: int, root: Path, proc: Path) -> list[Path]:
    """The process's group and all above it."""
    try:
        lines = (proc / str(pid) / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    for line in lines:
        if line.startswith("0::"):
            folder = root / line[3:].lstrip("/")
            return [folder, *(above for above in folder.parents if above.is_relative_to(root))]
    return []


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return []


def read_limits(pid: int, *, root: Path = ROOT, proc: Path = Path("/proc")) -> Limits:
    """The tightest limits on a process; no limits where the system has no such groups."""
    memory: int | None = None
    cores: float | None = None
    group: Path | None = None
    for folder in _groups(pid, root, proc):
        match _words(folder / "memory.max"):
            case [text] if text.isdigit() and (memory is None or int(text) < memory):
                memory, group = int(text), folder
        match _words(folder / "cpu.max"):
            case [quota, period] if quota.isdigit() and period.isdigit() and int(period):
                share = int(quota) / int(period)
                cores = share if cores is None else min(cores, share)
    return Limits(memory, cores, group)


def memory_used(group: Path) -> int | None:
    """Bytes in use by a group, without file pages that can be dropped at once; None when it does not tell."""
    current = _words(group / "memory.current")
    if not current or not current[0].isdigit():
        return None
    stat = _words(group / "memory.stat")
    droppable = next(
        (int(value) for name, value in zip(stat[::2], stat[1::2], strict=False) if name == "inactive_file"), 0
    )
    return max(0, int(current[0]) - droppable)
