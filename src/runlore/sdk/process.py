"""What the training process knows of itself and of its machine."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path
from typing import Any


def process_start(pid: int | None = None) -> float:
    """Start time of a process (default: this one) in seconds since 1970, as the operating system tells it.

    0.0 when there is no such process. Together with the pid it names a process for good: a reused pid differs.
    """
    wanted = os.getpid() if pid is None else pid
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{wanted}/stat").read_bytes().rpartition(b")")[2].split()
            lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
            boot = next(line for line in lines if line.startswith("btime "))
            return float(boot[6:]) + int(fields[19]) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, StopIteration, IndexError):
            return 0.0
    import psutil  # noqa: PLC0415 - slow to import and not needed on Linux

    try:
        return float(psutil.Process(wanted).create_time())
    except psutil.Error:
        return 0.0


def is_alive(pid: int, started: float) -> bool:
    """Whether the process that had ``pid`` and start time ``started`` (0.0: unknown) still runs."""
    now = process_start(pid)
    return now > 0 and (started <= 0 or abs(now - started) < 2)


def is_notebook() -> bool:
    """Whether this process is an interactive notebook kernel."""
    ipython = sys.modules.get("IPython")
    if ipython is None:
        return False
    shell = ipython.get_ipython()
    return shell is not None and "Terminal" not in type(shell).__name__ and type(shell).__name__ != "NoneType"


def program() -> str:
    """Path or name of the running script, "" when there is none."""
    main = sys.modules.get("__main__")
    path = getattr(main, "__file__", None)
    return os.path.abspath(path) if isinstance(path, str) else ""  # noqa: PTH100 - the link itself is the name


def describe(version: str, *, with_machine: bool, started_ns: int) -> dict[str, Any]:
    """Facts for the run's metadata. with_machine: also host, operating system, processor count and memory."""
    facts: dict[str, Any] = {
        "runlore": version,
        "python": ".".join(map(str, sys.version_info[:3])),
        "implementation": sys.implementation.name,
        "executable": sys.executable,
        "program": program(),
        "args": list(getattr(sys, "argv", [])[1:]),
        "cwd": working_folder(),
        "pid": os.getpid(),
        "started_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started_ns / 1e9)),
    }
    if with_machine:
        facts["host"] = socket.gethostname()
        facts["os"] = f"{os.uname().sysname} {os.uname().release}" if hasattr(os, "uname") else sys.platform
        facts["machine"] = os.uname().machine if hasattr(os, "uname") else ""
        facts["cpu_count"] = os.cpu_count() or 0
        if hasattr(os, "sched_getaffinity"):
            facts["cpu_usable"] = len(os.sched_getaffinity(0))
    return facts


def working_folder() -> str:
    """Path of the working directory, "" when it is gone."""
    try:
        return str(Path.cwd())
    except OSError:
        return ""
