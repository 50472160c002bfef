"""Care: what the recorder knows and does about one entry, from its appearance until nothing is left to do for it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

from runlore.recorder.progress import ProgressFile
from runlore.recorder.shipment import Shipment
from runlore.recorder.tail import Tail
from runlore.recorder.watch import Trainer

if TYPE_CHECKING:
    from pathlib import Path

    from runlore.recorder.entries import Entry
    from runlore.recorder.targets import Target

WATCH_INTERVAL_S: Final = 0.5


class Care:
    """One entry.

    is_alive: whether its trainer runs. has_exit: its journal says how the writer ended. is_settled: nothing more has to
    be said about the writer's end (it told it itself, it was told for it, or nobody has to). target_error: the fault of
    the whole server that the progress file shows, "" without one.
    """

    def __init__(self, entry: Entry, sync_folder: Path) -> None:
        self.entry = entry
        self.progress = ProgressFile(sync_folder, entry.writer)
        self.shipment = Shipment(entry.journal, entry.writer, self.progress)
        self.target: Target | None = None
        self.target_error = ""
        self.is_trainer = entry.role != "recorder"
        self.trainer = Trainer(entry.pid, entry.pid_start, entry.journal)
        self.is_alive = self.is_trainer and self.trainer.is_alive()
        self.is_settled = not self.is_trainer
        self.is_settling = False
        self._watched_at = time.monotonic()
        self._follower = Tail(entry.journal)
        self._size = -1
        self._followed_size = -1
        if self.is_trainer and not self.is_alive:
            self.shipment.is_final = True

    @property
    def has_exit(self) -> bool:
        """Whether the Exit record of the writer was seen in its journal."""
        return bool(self.shipment.tail.exits or self._follower.exits)

    @property
    def is_live_trainer(self) -> bool:
        """Whether this is a running process whose run goes on."""
        return self.is_trainer and self.is_alive and not self.has_exit

    def watch(self) -> None:
        """Look after the trainer, when it is time to."""
        now = time.monotonic()
        if self.is_alive and now - self._watched_at >= WATCH_INTERVAL_S:
            self._watched_at = now
            self.is_alive = self.trainer.is_alive()
            if not self.is_alive:
                # Only now: what the process wrote until it ended is in the file from here on.
                self.shipment.is_final = True

    def wants_following(self) -> bool:
        """Whether an unread part of the journal should be looked through for an Exit record.

        Only once the journal is quiet: while it grows, the run goes on, and what ships is looked through anyway.
        """
        size = self.shipment.size()
        is_quiet, self._size = size == self._size, size
        if not self.is_trainer or self.has_exit or not (is_quiet or not self.is_alive):
            return False
        read_to = max(self._follower.read_to, self.shipment.tail.read_to)
        return size > read_to and size != self._followed_size

    def follow(self) -> None:
        """Look through the unread part of the journal. Raises OSError."""
        size = self.shipment.size()
        is_final = not self.is_alive
        at = max(self._follower.read_to, self.shipment.tail.read_to)
        while (part := self._follower.cut(at, is_final=is_final)).end > at:
            at = part.end
        self._followed_size = size

    def is_acknowledged(self) -> bool:
        """Whether a server has all there is of the journal, or all there can be."""
        shipment = self.shipment
        return shipment.is_drained or (
            shipment.offset is not None and shipment.offset > 0 and shipment.offset == shipment.size()
        )

    def is_done(self) -> bool:
        """Whether the entry has served its purpose and can go."""
        if self.shipment.is_lost:
            return self.is_settled or self.has_exit
        if not self.is_trainer:
            return self.shipment.is_final and (self.entry.offline or self.shipment.is_drained)
        if not (self.has_exit or (self.is_settled and not self.is_alive)):
            return False
        return self.entry.offline or self.is_acknowledged()

    def is_from_this_process(self) -> bool:
        """Whether the journal is one that this very recorder writes."""
        return not self.is_trainer and self.entry.pid == os.getpid()
