"""Progress files ``sync/<writer>.json``: how far a journal got, for the SDK's ``finish()`` and for people."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

import msgspec

from runlore import folders

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

MIN_INTERVAL_S: Final = 0.1


class Progress(msgspec.Struct, kw_only=True):
    """Content of a progress file. offset: acknowledged bytes. url: the run's page. error: the last one, "" after success.

    updated: seconds since 1970.
    """

    offset: int = 0
    url: str = ""
    entity: str = ""
    error: str = ""
    updated: float = 0.0
    base_url: str | None = None


def read_progress(folder: Path, writer: str) -> Progress | None:
    """A writer's progress, None when there is no readable one."""
    try:
        return msgspec.json.decode((folder / f"{writer}.json").read_bytes(), type=Progress)
    except (OSError, msgspec.DecodeError):
        return None  # it only tells what is known elsewhere too, and is written again


class ProgressFile:
    """One writer's progress file: written whole, only when something changed, at most each tenth of a second."""

    def __init__(self, folder: Path, writer: str) -> None:
        self._folder = folder
        self._writer = writer
        self._known = Progress()
        self._written: Progress | None = None
        self._written_at = 0.0
        self._lock = threading.Lock()

    @property
    def offset(self) -> int:
        """Acknowledged bytes."""
        return self._known.offset

    @property
    def error(self) -> str:
        """The last error, "" after a success."""
        return self._known.error

    def accepted(self, offset: int, url: str, entity: str, base_url: str) -> None:
        """Note an acknowledgement."""
        with self._lock:
            self._known = Progress(offset=offset, url=url, entity=entity, error="", base_url=base_url)

    def failed(self, error: str, base_url: str | None) -> None:
        """Note an error."""
        with self._lock:
            self._known = msgspec.structs.replace(self._known, error=error, base_url=base_url or self._known.base_url)

    def recovered(self) -> None:
        """Note that the last error is over."""
        with self._lock:
            self._known = msgspec.structs.replace(self._known, error="")

    def flush(self, *, is_urgent: bool = False) -> None:
        """Write the file when it is due. is_urgent: however recently it was written."""
        with self._lock:
            now = time.monotonic()
            if self._known == self._written or (not is_urgent and now - self._written_at < MIN_INTERVAL_S):
                return
            content = msgspec.json.encode(msgspec.structs.replace(self._known, updated=time.time()))
            try:
                folders.write_private(self._folder / f"{self._writer}.json", content)
            except OSError as error:
                log.warning("cannot write the progress of %s: %s", self._writer, error)
            self._written = self._known
            self._written_at = now
