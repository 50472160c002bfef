"""What of this user's local journals has not reached a server yet, as the folders tell it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from runlore import folders
from runlore.recorder.entries import EntryFolder
from runlore.recorder.progress import read_progress
from runlore.sdk import recorder_link
from runlore.sdk.settings import BY_NAME, settle


class UnsentRun(NamedTuple):
    """A run with bytes that no server has acknowledged. error: why the last attempt failed, "" without one."""

    project: str
    run_id: str
    folder: Path
    unsent_bytes: int
    total_bytes: int
    error: str

    def as_json(self) -> dict[str, Any]:
        """The fields as a JSON object."""
        return {**self._asdict(), "folder": str(self.folder)}


def _journals() -> set[Path]:
    """All local journals, those of runs kept outside the data folder (``init(dir=)``) while they are being drained too."""
    found = set(folders.runs_folder().glob("*/*/*.rlj"))
    entries = EntryFolder(folders.active_folder())
    entries.refresh()
    return found | {Path(entry.journal) for entry in entries.entries.values()}


def unsent_runs() -> list[UnsentRun]:
    """Runs with unsent bytes, oldest first."""
    runs: dict[Path, UnsentRun] = {}
    for journal in sorted(_journals()):
        try:
            size = journal.stat().st_size
        except FileNotFoundError:
            continue
        progress = read_progress(folders.sync_folder(), journal.stem)
        waiting = max(0, size - (progress.offset if progress else 0))
        known = runs.get(journal.parent)
        runs[journal.parent] = UnsentRun(
            project=journal.parent.parent.name,
            run_id=journal.parent.name.rpartition("-")[2],
            folder=journal.parent,
            unsent_bytes=waiting + (known.unsent_bytes if known else 0),
            total_bytes=size + (known.total_bytes if known else 0),
            error=(progress.error if progress else "") or (known.error if known else ""),
        )
    return sorted((run for run in runs.values() if run.unsent_bytes), key=lambda run: run.folder.name)


def recorder() -> dict[str, Any]:
    """Whether this user's recorder on this machine lives, its process and its log."""
    facts: dict[str, Any] = {"is_alive": recorder_link.is_alive(), "pid": None, "log": str(folders.recorder_log())}
    if facts["is_alive"]:
        with contextlib.suppress(FileNotFoundError, msgspec.DecodeError, KeyError):  # it has just begun or just ended
            facts["pid"] = msgspec.json.decode(folders.recorder_file().read_bytes())["pid"]
    return facts


def settings_in_force() -> dict[str, Any]:
    """Every setting as a run begun here and now would have it; the API key is not shown. Raises UsageError."""
    values = settle({}).as_dict()
    if values["api_key"]:
        values["api_key"] = "(given, not shown)"
    if values["extra_http_headers"]:
        values["extra_http_headers"] = dict.fromkeys(values["extra_http_headers"], "(given, not shown)")
    return values


def settings_changed() -> dict[str, Any]:
    """Of the settings in force, those that differ from their defaults. Raises UsageError."""
    return {name: value for name, value in settings_in_force().items() if value != BY_NAME[name].default}
