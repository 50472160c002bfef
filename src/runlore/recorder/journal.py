"""The recorder's own journal of a run: machine metrics, and the notice of a trainer that vanished.

It lies beside the trainer's journals, has the role "recorder", and is shipped like every other.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from runlore import folders
from runlore.protocol import wire
from runlore.protocol.frames import MAGIC
from runlore.protocol.ids import new_writer
from runlore.protocol.records import Header, Record

if TYPE_CHECKING:
    from runlore.recorder.entries import Entry

log = logging.getLogger(__name__)


class OwnJournal:
    """An append-only journal of this process, made in ``run_dir``. Safe to use from several threads.

    Raises OSError when the file cannot be made.
    """

    def __init__(self, run_dir: Path, *, run_id: str, project: str, entity: str) -> None:
        self.writer = new_writer()
        self.path = run_dir / f"{self.writer}.rlj"
        self.pid = os.getpid()
        self.pid_start = psutil.Process(self.pid).create_time()
        self._lock = threading.Lock()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._handle: int | None = os.open(self.path, flags | getattr(os, "O_CLOEXEC", 0), 0o600)
        self._size = 0
        header = Header(
            run_id=run_id,
            project=project,
            writer=self.writer,
            time_ns=time.time_ns(),
            role="recorder",
            entity=entity,
            label="recorder",
            host=folders.host_name(),
            pid=self.pid,
            pid_start=self.pid_start,
        )
        try:
            self._write(MAGIC + wire.encode(header))
        except OSError:
            self.close()
            self.path.unlink(missing_ok=True)
            raise

    @classmethod
    def beside(cls, entry: Entry) -> OwnJournal:
        """A new journal of the run that ``entry`` belongs to. Raises OSError."""
        return cls(Path(entry.run_dir), run_id=entry.run_id, project=entry.project, entity=entry.entity or "")

    def append(self, record: Record) -> None:
        """Write a record. Raises OSError, and then nothing of it remains in the file."""
        self._write(wire.encode(record))

    def _write(self, data: bytes) -> None:
        with self._lock:
            if self._handle is None:
                raise OSError(f"cannot write to {self.path}: it is closed")
            try:
                written = os.write(self._handle, data)
                while written < len(data):
                    written += os.write(self._handle, data[written:])
            except OSError:
                # Readers ship whole frames only, so that what is cut away here was never seen.
                os.ftruncate(self._handle, self._size)
                raise
            self._size += len(data)

    def close(self) -> None:
        """Close the file; nothing can be appended afterwards. Safe to call twice."""
        with self._lock:
            if self._handle is not None:
                os.close(self._handle)
                self._handle = None
