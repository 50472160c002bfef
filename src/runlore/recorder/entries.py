"""Entries: the files ``active/<host>/<writer>.json`` that say which journals the recorder of a host must drain.

A trainer writes an entry before its journal's first row; the recorder removes it when there is nothing left to do.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import msgspec

from runlore import folders

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)


class Settings(msgspec.Struct, kw_only=True):
    """What a run asks of its recorder.

    stats_interval_s: seconds between readings of the machine. stats_window_s: seconds that one System record covers.
    gpu_ids: numbers of the GPUs to read, None for all. disk_paths: paths whose file systems' use is recorded.
    """

    stats_interval_s: float = 2.0
    stats_window_s: float = 15.0
    stats_disabled: bool = False
    gpu_ids: list[int] | None = None
    disk_paths: list[str] = msgspec.field(default_factory=lambda: ["/"])
    finish_timeout_s: float | None = None
    insecure_disable_ssl: bool = False
    extra_http_headers: dict[str, str] = msgspec.field(default_factory=dict)


class Entry(msgspec.Struct, kw_only=True):
    """One journal to drain. The fields are those of the file, documented in ``docs/design/recorder.md``.

    base_url: None is the local server of this user, whenever it appears. offline: sampled and watched, not shipped.
    """

    journal: str
    run_dir: str
    writer: str
    run_id: str
    project: str
    entity: str | None = None
    role: str = "primary"
    base_url: str | None = None
    api_key: str | None = None
    pid: int = 0
    pid_start: float = 0.0
    offline: bool = False
    settings: Settings = msgspec.field(default_factory=Settings)


_DECODER: Final = msgspec.json.Decoder(Entry)


def write_entry(folder: Path, entry: Entry) -> None:
    """Write the entry's file whole, mode 0600. Raises OSError."""
    folders.write_private(folder / f"{entry.writer}.json", msgspec.json.encode(entry))


class EntryFolder:
    """The entries of one host, read again only when files appear, change or go."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder_mtime_ns = -1
        self._seen: dict[str, int] = {}
        self.entries: dict[str, Entry] = {}
        """Readable entries by writer."""

    def refresh(self, *, is_thorough: bool = False) -> None:
        """Bring ``entries`` up to date. Costs one ``stat`` while no file was added, replaced or removed.

        is_thorough: look at each file, for file systems whose folders do not tell.
        Files that cannot be read are logged once for each of their versions and left where they are.
        """
        try:
            mtime_ns = self._folder.stat().st_mtime_ns
        except FileNotFoundError:
            self._folder_mtime_ns, self._seen, self.entries = -1, {}, {}
            return
        if mtime_ns == self._folder_mtime_ns and not is_thorough:
            return
        found: dict[str, int] = {}
        for path in self._folder.glob("*.json"):
            try:
                found[path.stem] = path.stat().st_mtime_ns
            except FileNotFoundError:
                continue
        for writer in [name for name in self._seen if name not in found]:
            self.entries.pop(writer, None)
        for writer, version in found.items():
            if self._seen.get(writer) != version:
                self._read(writer)
        self._seen = found
        self._folder_mtime_ns = mtime_ns

    def _read(self, writer: str) -> None:
        path = self._folder / f"{writer}.json"
        try:
            entry = _DECODER.decode(path.read_bytes())
            if entry.writer != writer:
                raise ValueError(f"it names writer {entry.writer!r}")  # noqa: TRY301 - told like every other fault
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:  # msgspec's errors are ValueErrors
            log.warning("cannot read entry %s: %s; its journal is not drained (runlore sync can do it)", path, error)
            self.entries.pop(writer, None)
        else:
            self.entries[writer] = entry

    def add(self, entry: Entry) -> None:
        """Write a new entry and know it at once. Raises OSError."""
        write_entry(self._folder, entry)
        self.entries[entry.writer] = entry

    def remove(self, writer: str) -> None:
        """Forget an entry and delete its file. Raises OSError."""
        (self._folder / f"{writer}.json").unlink(missing_ok=True)
        self.entries.pop(writer, None)
        self._seen.pop(writer, None)


def headers_of(settings: Settings) -> tuple[tuple[str, str], ...]:
    """The extra HTTP headers as a hashable value."""
    return tuple(sorted(settings.extra_http_headers.items()))


def as_json(value: Any) -> bytes:
    """JSON with sorted keys, indented: for the small files that people read too."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1)
