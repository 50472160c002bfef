"""The recorder's main loop: looks after every entry of this user and machine, four times a second.

The loop itself only looks and decides. What may take long has threads of its own: one for sampling, one for the disk
and for reading journals through, a few for each server.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from runlore import folders
from runlore.recorder.care import Care
from runlore.recorder.durability import INTERVAL_S as DISK_INTERVAL_S
from runlore.recorder.durability import DiskSync
from runlore.recorder.entries import Entry, EntryFolder
from runlore.recorder.journal import OwnJournal
from runlore.recorder.lock import RecorderLock
from runlore.recorder.sampling import Sampled, Sampling
from runlore.recorder.targets import Address, LocalServer, Target
from runlore.recorder.watch import crash_notice, has_notice, out_of_memory_kills

if TYPE_CHECKING:
    from collections.abc import Callable

    from runlore.protocol.records import Record, System

log = logging.getLogger(__name__)

POLL_S: Final = 0.25
HEARTBEAT_S: Final = 4.0
THOROUGH_S: Final = 10.0
IDLE_S: Final = 10.0
UNREACHABLE_IDLE_S: Final = 600.0


class Daemon:
    """One recorder's work; ``run`` returns when there is none left, or after ``stop``.

    idle_s: how long to stay without anything to do. unreachable_idle_s: how long to stay when the only thing left is to
    ship to servers that are known but take nothing.
    """

    def __init__(self, *, idle_s: float = IDLE_S, unreachable_idle_s: float = UNREACHABLE_IDLE_S) -> None:
        self._idle_s = idle_s
        self._unreachable_idle_s = unreachable_idle_s
        self._entries = EntryFolder(folders.active_folder())
        self._local = LocalServer(folders.server_file())
        self._cares: dict[str, Care] = {}
        self._targets: dict[Address, Target] = {}
        self._own: dict[str, OwnJournal] = {}
        self._own_lock = threading.Lock()
        self._parents: dict[str, Entry] = {}
        self._sampling = Sampling(self._on_window)
        self._disk = DiskSync()
        self._chores = ThreadPoolExecutor(2, thread_name_prefix="read")
        self._disk_thread = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._disk_work: Future[None] | None = None
        self._stop = threading.Event()
        self._due: dict[str, float] = {}
        self._oom_kills = out_of_memory_kills()
        self._told: set[str] = set()
        self._busy_at = time.monotonic()
        self._moved_at = time.monotonic()
        self._acknowledged = 0

    def stop(self) -> None:
        """Make ``run`` return after the requests under way."""
        self._stop.set()

    def run(self) -> None:
        """Work until there is nothing to do."""
        self._sampling.start()
        try:
            while not self._stop.is_set():
                self._guarded("looking after the journals", self._look)
                if self._is_over():
                    return
                self._stop.wait(POLL_S)
        finally:
            self._sampling.close()
            for target in self._targets.values():
                target.close()
            self._chores.shutdown(wait=True, cancel_futures=True)
            self._disk_thread.shutdown(wait=True, cancel_futures=True)
            for journal in self._own.values():
                journal.close()
            for care in self._cares.values():
                care.progress.flush(is_urgent=True)

    def is_stopped(self) -> bool:
        """Whether ``stop`` was called."""
        return self._stop.is_set()

    def writers(self, *, is_fresh: bool = False) -> set[str]:
        """The writers that have an entry. is_fresh: as the files say now, not as the loop last saw them."""
        if is_fresh:
            self._entries.refresh(is_thorough=True)
        return set(self._entries.entries)

    def _is_due(self, what: str, interval_s: float) -> bool:
        now = time.monotonic()
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + interval_s
        return True

    def _look(self) -> None:
        """One round over everything."""
        self._entries.refresh(is_thorough=self._is_due("entries", THOROUGH_S))
        self._local.refresh()
        self._take_on()
        for care in list(self._cares.values()):
            self._guarded(f"journal {care.entry.journal}", partial(self._tend, care))
        self._sample()
        self._close_own()
        for target in self._targets.values():
            target.probe()
            for writer in target.take_unknown():
                self._ship_again(writer, target)
        self._beat()
        self._sync_disk()
        self._drop_targets()
        if self._is_due("memory", 10.0):
            # What the counter was a while ago; read again when a trainer has vanished.
            self._oom_kills = out_of_memory_kills()

    def _tend(self, care: Care) -> None:
        """One round over one entry."""
        care.watch()
        self._route(care)
        self._settle(care)
        self._let_go(care)

    def _take_on(self) -> None:
        for writer, entry in list(self._entries.entries.items()):  # other threads add to it
            care = self._cares.get(writer)
            if care is not None and care.entry == entry:
                continue
            if care is not None and care.target is not None and care.target.is_shipping(writer):
                continue  # its successor begins when the request under way is over
            self._cares[writer] = self._new_care(entry)
        for writer in [writer for writer in self._cares if writer not in self._entries.entries]:
            del self._cares[writer]

    def _new_care(self, entry: Entry) -> Care:
        care = Care(entry, folders.sync_folder())
        if care.is_trainer:
            self._parents[entry.run_dir] = entry
        else:
            own = self._own.get(entry.run_dir)
            # Another recorder's journal: it is gone, or we would not hold the lock.
            care.shipment.is_final = own is None or own.writer != entry.writer
        return care

    def _route(self, care: Care) -> None:
        """Offer the journal to the server it belongs to."""
        address = self._local.address(care.entry)
        if address is None:
            if care.target is None or not care.target.is_shipping(care.entry.writer):
                care.target = None
            return
        target = self._targets.get(address)
        if target is None:
            target = self._targets[address] = Target(address)
        if care.target is not target:
            if care.target is not None and care.target.is_shipping(care.entry.writer):
                return  # one worker at a time: the old server's last request must end first
            care.target = target
            care.shipment.forget_server()
        if target.error and not target.is_up:
            care.target_error = target.error
            care.progress.failed(target.error, address.base_url)
        elif care.target_error and not target.error:
            if care.progress.error == care.target_error:
                care.progress.recovered()
            care.target_error = ""
        if care.shipment.has_more():
            target.offer(care.shipment)
        care.progress.flush()

    def _settle(self, care: Care) -> None:
        """See to it that the end of the writer is told."""
        if care.has_exit:
            care.is_settled = True
            return
        if care.is_settling:
            return
        needs_notice = not care.is_alive and not care.is_settled
        if needs_notice or care.wants_following():
            care.is_settling = True
            self._chores.submit(self._guarded, "reading a journal through", partial(self._read_through, care))

    def _read_through(self, care: Care) -> None:
        is_alive = care.is_alive
        try:
            care.follow()
        except OSError as error:
            self._tell_once(f"cannot read {care.entry.journal}: {error}")
        finally:
            care.is_settling = False
        if is_alive or care.is_settled:
            return
        try:
            if not care.has_exit and care.entry.role == "primary":
                self._give_notice(care)
        except OSError:
            raise  # a full disk, say: the next round tries again
        except Exception:
            care.is_settled = True
            raise
        care.is_settled = True

    def _give_notice(self, care: Care) -> None:
        """Write that the trainer vanished. Raises OSError."""
        entry = care.entry
        run_dir = Path(entry.run_dir)
        if not run_dir.is_dir():
            log.warning("the folder %s of run %s is gone; its end cannot be noted", run_dir, entry.run_id)
            return
        if has_notice(run_dir, entry.writer):
            return
        notice = crash_notice(entry.writer, care.trainer, was_out_of_memory=out_of_memory_kills() > self._oom_kills)
        self._append(entry, notice)
        log.info("run %s crashed: %s", entry.run_id, notice.reason)

    def _guarded(self, what: str, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as error:
            self._tell_once(f"cannot go on with {what}: {error}; it is tried again")
        except Exception as error:
            message = f"a fault of the recorder at {what}: {error!r}"
            if message not in self._told:  # it comes four times a second
                self._told.add(message)
                log.exception("%s", message)

    def _tell_once(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            log.warning("%s", message)

    def _append(self, parent: Entry, record: Record) -> None:
        """Write a record about the parent's run into our own journal of it. Raises OSError."""
        with self._own_lock:
            journal = self._own.get(parent.run_dir)
            if journal is None:
                journal = OwnJournal.beside(parent)
                self._own[parent.run_dir] = journal
                entry = msgspec.structs.replace(
                    parent,
                    journal=str(journal.path),
                    writer=journal.writer,
                    role="recorder",
                    pid=journal.pid,
                    pid_start=journal.pid_start,
                )
                self._entries.add(entry)
            journal.append(record)

    def _on_window(self, run_dir: str, record: System) -> None:
        parent = self._parents.get(run_dir)
        if parent is None:
            return
        try:
            self._append(parent, record)
        except OSError as error:
            self._tell_once(f"cannot keep machine metrics of run {parent.run_id} in {run_dir}: {error}")

    def _sample(self) -> None:
        pids: dict[str, set[int]] = {}
        for care in self._cares.values():
            if care.is_live_trainer and not care.entry.settings.stats_disabled:
                pids.setdefault(care.entry.run_dir, set()).add(care.entry.pid)
        self._sampling.want(
            {run_dir: Sampled(frozenset(found), self._parents[run_dir].settings) for run_dir, found in pids.items()}
        )

    def _close_own(self) -> None:
        """Close our journals of runs about which nothing more will be written."""
        needed = {care.entry.run_dir for care in self._cares.values() if care.is_trainer and not care.is_done()}
        for run_dir in list(self._own):
            if run_dir in needed or self._sampling.is_going(run_dir):
                continue
            with self._own_lock:
                journal = self._own.pop(run_dir)
            journal.close()
            care = self._cares.get(journal.writer)
            if care is not None:
                care.shipment.is_final = True
        living = needed | self._own.keys()
        for run_dir in [name for name in self._parents if name not in living and not self._sampling.is_going(name)]:
            del self._parents[run_dir]

    def _let_go(self, care: Care) -> None:
        writer = care.entry.writer
        if not care.is_done() or (care.target is not None and care.target.is_shipping(writer)):
            return
        if care.shipment.is_lost:
            log.warning("journal %s is given up: %s", care.entry.journal, care.progress.error)
        care.progress.flush(is_urgent=True)
        try:
            self._entries.remove(writer)
        except OSError as error:
            self._tell_once(f"cannot remove the entry of {care.entry.journal}: {error}")
            return
        del self._cares[writer]

    def _ship_again(self, writer: str, target: Target) -> None:
        care = self._cares.get(writer)
        if care is not None and care.target is target and not target.is_shipping(writer):
            log.warning("%s no longer has journal %s; it is shipped again", target.address.base_url, writer)
            care.shipment.forget_server()

    def _beat(self) -> None:
        if not self._is_due("heartbeat", HEARTBEAT_S):
            return
        offsets: dict[Address, dict[str, int]] = {}
        for care in self._cares.values():
            if care.target is not None and care.is_live_trainer:
                offsets.setdefault(care.target.address, {})[care.entry.writer] = care.shipment.offset or 0
        for address, found in offsets.items():
            self._targets[address].beat(found)

    def _sync_disk(self) -> None:
        if (self._disk_work is not None and not self._disk_work.done()) or not self._is_due("disk", DISK_INTERVAL_S):
            return
        # Closed ones too, until they go: their last bytes may be less than a second old.
        paths = [care.entry.journal for care in self._cares.values() if not care.shipment.is_lost]
        self._disk_work = self._disk_thread.submit(
            self._guarded, "writing journals to the disk", partial(self._sync_paths, paths)
        )

    def _sync_paths(self, paths: list[str]) -> None:
        self._disk.sync(paths)

    def _drop_targets(self) -> None:
        used = {id(care.target) for care in self._cares.values()}
        for address in [address for address, target in self._targets.items() if id(target) not in used]:
            target = self._targets.pop(address)
            # Its last request may take a while; the loop does not wait for it.
            threading.Thread(target=target.close, name="close", daemon=True).start()

    def _is_over(self) -> bool:
        """Whether there has been nothing to do for long enough."""
        now = time.monotonic()
        acknowledged = sum(care.shipment.offset or 0 for care in self._cares.values())
        if acknowledged != self._acknowledged:
            self._acknowledged, self._moved_at = acknowledged, now
        if any(care.is_alive or care.is_settling or not care.is_settled for care in self._cares.values()):
            self._busy_at = self._moved_at = now
        if any(care.target is not None for care in self._cares.values()):
            self._busy_at = now
            return now - self._moved_at > self._unreachable_idle_s
        return now - self._busy_at > self._idle_s


def run(
    *, idle_s: float = IDLE_S, unreachable_idle_s: float = UNREACHABLE_IDLE_S, on_daemon: Callable[[Daemon], None]
) -> bool:
    """Be the recorder of this user and machine until there is nothing to do; False when another one is.

    on_daemon: is given each Daemon before it works, to be able to stop it. Raises OSError when the data folder cannot
    be used.
    """
    lock = RecorderLock(folders.recorder_lock())
    while lock.acquire():
        state = {"pid": os.getpid(), "started": time.time()}
        folders.write_private(folders.recorder_file(), msgspec.json.encode(state))
        daemon = Daemon(idle_s=idle_s, unreachable_idle_s=unreachable_idle_s)
        on_daemon(daemon)
        known: set[str] = set()
        try:
            log.info("recorder %d begins", os.getpid())
            daemon.run()
            known = daemon.writers()
        finally:
            log.info("recorder %d ends", os.getpid())
            lock.release()
        # A trainer that came while the lock was still held counts on us.
        if daemon.is_stopped() or daemon.writers(is_fresh=True) <= known:
            return True
    return False
