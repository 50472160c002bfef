"""How a child process (spawned, launched, or handed a pickled run) finds the run that its parent began."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from runlore import folders
from runlore.sdk import entries
from runlore.sdk.process import is_alive, process_start
from runlore.sdk.settings import Settings
from runlore.sdk.version import VERSION

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE: Final = "RUNLORE_SERVICE"
"""Environment variable by which children know the run that is active in their parent. Set and removed by Runlore."""

_KEPT_PRIVATE: Final = frozenset({"api_key", "extra_http_headers", "run_notes", "config_paths", "resume"})


class Description(msgspec.Struct, kw_only=True):
    """A run as another process can join it. Holds no secret. begun_ns: when the run began, ns since 1970."""

    run_id: str
    project: str
    directory: str
    writer: str
    pid: int
    pid_start: float
    begun_ns: int
    version: str
    settings: dict[str, Any]

    def runtime_s(self) -> float:
        """Seconds since the run began."""
        return max(0.0, (time.time_ns() - self.begun_ns) / 1e9)


def describe(settings: Settings, directory: Path, writer: str) -> Description:
    """The description of a run of this process."""
    return Description(
        run_id=settings.run_id or "",
        project=settings.project,
        directory=str(directory),
        writer=writer,
        pid=os.getpid(),
        pid_start=process_start(),
        begun_ns=time.time_ns(),
        version=VERSION,
        settings={name: value for name, value in settings.given().items() if name not in _KEPT_PRIVATE},
    )


def publish(description: Description) -> None:
    """Let children know of the run."""
    os.environ[VARIABLE] = msgspec.json.encode(description).decode()


def withdraw(run_id: str) -> None:
    """The run is finished: children that start from now on do not see it."""
    known = _read()
    if known is not None and known.run_id == run_id:
        os.environ.pop(VARIABLE, None)


def of_parent() -> Description | None:
    """The run that is active in the process this one came from, None without one."""
    known = _read()
    if known is None or known.pid == os.getpid() or not is_alive(known.pid, known.pid_start):
        return None
    return known


def is_main_module_imported_again() -> bool:
    """Whether this is a spawned child that runs the top level of the parent's script once more.

    What stands there without ``if __name__ == "__main__"`` was meant for the parent, ``init`` included.
    """
    import sys  # noqa: PLC0415 - only here

    process = sys.modules.get("multiprocessing.process")
    return process is not None and bool(getattr(process.current_process(), "_inheriting", False))


def settings_of(description: Description) -> Settings:
    """The parent's settings, for a worker of its run."""
    settings = Settings(**description.settings)
    settings.run_id = description.run_id
    settings.project = description.project
    return settings


def target_of(description: Description, settings: Settings) -> entries.Target:
    """Where the parent's run goes; its key is found in the note that the parent left for the recorder."""
    target = entries.target_of(settings)
    try:
        content = (folders.active_folder() / f"{description.writer}.json").read_bytes()
        entry = msgspec.json.decode(content, type=entries.Entry)
    except (OSError, msgspec.DecodeError):
        return target
    return entries.Target(entry.base_url, entry.api_key)


def _read() -> Description | None:
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    try:
        return msgspec.json.decode(text, type=Description)
    except msgspec.DecodeError:
        return None
