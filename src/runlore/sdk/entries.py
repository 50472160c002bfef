"""The notes through which SDK and recorder speak: what to drain (``active/``) and how far it got (``sync/``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from runlore import folders
from runlore.sdk.process import is_alive

if TYPE_CHECKING:
    from runlore.sdk.settings import Settings


class Target(NamedTuple):
    """Where a run goes. base_url None: this user's local server, whenever it appears."""

    base_url: str | None
    api_key: str | None


class Entry(msgspec.Struct, kw_only=True):
    """A journal that the recorder of this host must drain. offline: sampled and watched, but not shipped."""

    journal: str
    run_dir: str
    writer: str
    run_id: str
    project: str
    entity: str
    role: str
    base_url: str | None
    api_key: str | None
    pid: int
    pid_start: float
    offline: bool
    settings: dict[str, Any]


class Progress(msgspec.Struct, kw_only=True):
    """How far the recorder got with a journal. offset: acknowledged bytes. url: the run's page, "" while unknown."""

    offset: int = 0
    url: str = ""
    entity: str = ""
    error: str = ""
    updated: float = 0.0
    base_url: str | None = None


def target_of(settings: Settings) -> Target:
    """The server that the settings, or else the credentials file, name. Raises UsageError when either cannot be used."""
    from runlore import credentials  # noqa: PLC0415 - after the import budget

    found = credentials.find(settings.base_url, settings.api_key)
    if found is None or found.source == "local server":
        return Target(None, settings.api_key)
    return Target(found.base_url, found.api_key or None)


def local_server_lives() -> bool:
    """Whether a local server of this user runs on this machine."""
    try:
        content = msgspec.json.decode(folders.server_file().read_bytes())
    except (OSError, msgspec.DecodeError):
        return False
    pid = content.get("pid") if isinstance(content, dict) else None
    return isinstance(pid, int) and is_alive(pid, 0.0)


def recorder_settings(settings: Settings, *, samples_machine: bool) -> dict[str, Any]:
    """What the recorder needs to know of a run's settings."""
    disabled = settings.disable_stats or settings.disable_machine_info or not samples_machine
    devices = settings.stats_gpu_device_ids
    return {
        "stats_interval_s": settings.stats_sampling_interval,
        "stats_window_s": settings.stats_window,
        "stats_disabled": disabled,
        "gpu_ids": None if devices is None else list(devices),
        "disk_paths": list(settings.stats_disk_paths),
        "finish_timeout_s": settings.finish_timeout,
        "insecure_disable_ssl": settings.insecure_disable_ssl,
        "extra_http_headers": settings.extra_http_headers,
    }


def write_entry(entry: Entry) -> None:
    """Put an entry where the recorder of this host looks. Raises OSError."""
    folders.write_private(folders.active_folder() / f"{entry.writer}.json", msgspec.json.encode(entry))


def read_progress(writer: str) -> Progress | None:
    """What the recorder last said about a journal, None while it said nothing (or nothing readable)."""
    try:
        return msgspec.json.decode((folders.sync_folder() / f"{writer}.json").read_bytes(), type=Progress)
    except (OSError, msgspec.DecodeError):
        return None
