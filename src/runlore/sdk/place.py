"""Where a run is kept locally, and how a process opens its own journal there."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

from runlore import folders
from runlore.protocol import ids, wire
from runlore.protocol.records import Header
from runlore.sdk import entries, guard
from runlore.sdk.journal import Journal
from runlore.sdk.past import SUFFIX
from runlore.sdk.process import process_start

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runlore.sdk.entries import Target
    from runlore.sdk.settings import Settings


class Place:
    """The local directory of a run and its journals, one for each process that records something.

    role: of this process; a forked child is always a worker. resume: mode that resumed the run, "" for a new one.
    runtime_s: seconds the run had lasted before this object was made. is_child: the run was begun by another process.
    """

    def __init__(
        self,
        directory: Path,
        settings: Settings,
        target: Target,
        *,
        version: str,
        role: str,
        resume: str,
        runtime_s: float,
        is_child: bool = False,
    ) -> None:
        self.directory = directory
        self.settings = settings
        self.target = target
        self.role = role
        self.writer = ""
        self.is_child = is_child
        self._version = version
        self._resume = resume
        self._runtime_s = runtime_s
        self._begun_ns = time.time_ns()
        self._entry: entries.Entry | None = None

    def open_journal(self, step: Callable[[], int]) -> Journal:
        """Make this process's journal and tell the recorder of it. step: tells the present step.

        Raises OSError when the file cannot be made.
        """
        now = time.time_ns()
        self.writer = ids.new_writer()
        pid, pid_start = os.getpid(), process_start()
        settings = self.settings
        header = Header(
            run_id=settings.run_id or "",
            project=settings.project,
            writer=self.writer,
            time_ns=now,
            role=self.role,
            entity=settings.entity,
            name=settings.run_name,
            notes=settings.run_notes,
            tags=list(settings.run_tags),
            group=settings.run_group,
            job_type=settings.run_job_type,
            resume=self._resume,
            starting_step=step(),
            runtime_s=self._runtime_s + (now - self._begun_ns) / 1e9,
            label=settings.x_label,
            host=settings.host or socket.gethostname(),
            pid=pid,
            pid_start=pid_start,
            version=self._version,
        )
        folders.private_folder(self.directory)
        journal = Journal(self.directory / f"{self.writer}{SUFFIX}", wire.encode(header))
        self._entry = entries.Entry(
            journal=str(journal.path),
            run_dir=str(self.directory),
            writer=self.writer,
            run_id=settings.run_id or "",
            project=settings.project,
            entity=settings.entity,
            role=self.role,
            base_url=self.target.base_url,
            api_key=self.target.api_key,
            pid=pid,
            pid_start=pid_start,
            offline=settings.mode == "offline",
            settings=entries.recorder_settings(settings, samples_machine=not self.is_child),
        )
        self.announce()
        return journal

    def announce(self) -> None:
        """Tell the recorder of the journal, unless that is done. A disk that refuses is told once; call again later."""
        if self._entry is None:
            return
        try:
            entries.write_entry(self._entry)
        except OSError as error:
            guard.warn_once(
                f"entry {self.writer}",
                "cannot tell the recorder of run %s: %s; nothing is uploaded until this can be written (or by `runlore sync`)",
                self.settings.run_id,
                error,
            )
        else:
            self._entry = None

    def after_fork(self) -> None:
        """In a forked child: a worker, with a journal of its own to come."""
        self.role = "worker"
        self.is_child = True
        self.writer = ""
        self._entry = None


def settle_directory(settings: Settings, known: Path | None, root: Path | None, started_s: float) -> Path:
    """The run's directory, made with its ``files`` folder; the data folder where the wished one cannot be written.

    known: directory of the run that is resumed. Raises OSError when neither can be made.
    """
    run_id = settings.run_id or ""
    wished = known or folders.run_folder(settings.project, run_id, started_s, root)
    try:
        folders.private_folder(wished / "files")
    except OSError as error:
        fallback = folders.run_folder(settings.project, run_id, started_s)
        if fallback == wished:
            raise
        guard.LOGGER.warning("cannot keep run %s in %s: %s; using %s", run_id, wished, error, fallback)
        folders.private_folder(fallback / "files")
        return fallback
    return wished
