"""Signs of life of the writers, and the watcher that shows silent runs as crashed."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from runlore.server.ingest.lifecycle import settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runlore.server.live import Hub
    from runlore.store.base import Account, Database, JournalRecord, MetaStore

_log: Final = logging.getLogger(__name__)

TIMEOUT_S: Final = 12.0
"""A running run without a sign of life for so long is shown as crashed."""


class Liveness:
    """Who was heard of, and when, by the server's clock. From any thread.

    A heartbeat proves that a writer lives. A range that comes in proves only that somebody uploads, maybe a backlog of long
    ago: it keeps a run running for a while, but it does not count as its last sign of life.
    """

    def __init__(self, database: Database, meta: MetaStore, hub: Hub, *, timeout_s: float = TIMEOUT_S) -> None:
        self._database = database
        self._meta = meta
        self._hub = hub
        self._timeout_ns = int(timeout_s * 1e9)
        self._beats: dict[str, int] = {}
        self._graces: dict[str, int] = {}
        self._unsaved: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Give every running run a fresh grace period, then watch. Call inside the event loop."""
        now_ns = time.time_ns()
        for journals in self._meta.journals_of(self._meta.live_runs()).values():
            self._graces.update((journal.writer, now_ns) for journal in journals if journal.exit_ns is None)
        self._task = asyncio.get_running_loop().create_task(self._watch(), name="runlore-liveness")

    async def close(self) -> None:
        """Stop watching and keep what was seen."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            await asyncio.to_thread(self.check)

    def uploaded(self, journal: JournalRecord) -> None:
        """A range of the journal came in."""
        self._graces[journal.writer] = time.time_ns()

    def is_alive(self, journal: JournalRecord) -> bool:
        """Whether the journal's writer was heard of lately."""
        last_ns = max(self._beats.get(journal.writer, journal.seen_ns), self._graces.get(journal.writer, 0))
        return time.time_ns() - last_ns <= self._timeout_ns

    def heard_ns(self, journal: JournalRecord) -> int:
        """When the journal's writer showed its last sign of life."""
        beat_ns = self._beats.get(journal.writer, journal.seen_ns)
        return max(beat_ns, journal.record_ns) if journal.record_ns <= time.time_ns() else beat_ns

    def heard(self, account: Account, writers: Sequence[str]) -> list[str]:
        """Take a heartbeat in; returns the writers that are known to the server and the caller's."""
        journals = self._meta.journals(writers)
        runs = self._meta.runs_by_key(sorted({journal.run for journal in journals.values()}))
        known = [
            writer
            for writer, journal in journals.items()
            if journal.offset > 0 and journal.run in runs and runs[journal.run].entity in account.entities
        ]
        now_ns = time.time_ns()
        revived: set[int] = set()
        for writer in known:
            journal = journals[writer]
            if journal.exit_ns is None:
                self._beats[writer] = self._unsaved[writer] = now_ns
                if runs[journal.run].is_silent:
                    revived.add(journal.run)
        if revived:
            self._settle(sorted(revived))
        return known

    def check(self) -> None:
        """Save what was heard and settle every running run."""
        unsaved, self._unsaved = self._unsaved, {}
        self._forget_old()
        if unsaved:
            with self._database.write() as tx:
                self._meta.touch_journals(tx, unsaved)
        silent = [
            run
            for run, journals in self._meta.journals_of(self._meta.live_runs()).items()
            if not any(
                journal.exit_ns is None and self.is_alive(journal)
                for journal in journals
                if journal.role == "primary" or all(other.role != "primary" for other in journals)
            )
        ]
        self._settle(silent)

    def _forget_old(self) -> None:
        """Keep memory bounded; what is forgotten is older than anybody asks for, or stored."""
        before_ns = time.time_ns() - 2 * self._timeout_ns
        for known in (self._beats, self._graces):
            for writer in [writer for writer, at_ns in list(known.items()) if at_ns < before_ns]:
                known.pop(writer, None)

    def _settle(self, keys: Sequence[int]) -> None:
        """Give the runs the state that follows from their journals."""
        if not keys:
            return
        now_ns = time.time_ns()
        with self._database.write() as tx:
            journals = self._meta.journals_of(keys, tx)
            changed = [
                run
                for key, run in self._meta.runs_by_key(keys, tx).items()
                if settle(run, journals.get(key, []), is_alive=self.is_alive, heard_ns=self.heard_ns)
            ]
            for run in changed:
                run.updated_ns = now_ns
            self._meta.save_runs(tx, changed)
        if changed:
            self._hub.publish({run.key: run.entity for run in changed}, {(run.entity, run.project) for run in changed})

    async def _watch(self) -> None:
        pause_s = min(1.0, self._timeout_ns / 1e9 / 4)
        while True:
            await asyncio.sleep(pause_s)
            try:
                await asyncio.to_thread(self.check)
            except Exception:  # noqa: BLE001 - the watcher outlives any single fault of the disk
                _log.exception("cannot look after silent runs; trying again in %.1f s", pause_s)
