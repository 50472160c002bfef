"""Group commit: the ranges of many uploads in one transaction, each acknowledged after it.

One thread decodes and writes; the event loop only collects requests and hands out answers. There is one committer
per data folder, so that what it read before a transaction cannot change under it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from runlore.errors import StoreError, UsageError
from runlore.protocol import ids, records
from runlore.server.ingest.changes import RunChanges, clamp
from runlore.server.ingest.decode import Range, decode_range, read_header
from runlore.server.ingest.layout import Layout
from runlore.server.ingest.lifecycle import settle
from runlore.server.ingest.terminal import fold as fold_terminal
from runlore.server.refusal import Refusal
from runlore.store.base import ConsoleChunk, ConsoleTail, JournalRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runlore.server.live import Hub
    from runlore.server.liveness import Liveness
    from runlore.store.base import Account, Database, MetaStore, SeriesStore, Stream, Transaction

_log: Final = logging.getLogger(__name__)

INTERVAL_S: Final = 0.1
"""Commits begin at most this often; an upload that comes after a pause is committed at once."""

GROUP_BYTES: Final = 256 * 1024
"""A group this large does not wait."""

_CONSOLE_CHUNK: Final = 65_536
"""Characters of console output in one stored chunk."""

_LAYOUTS_KEPT: Final = 1_024
"""Journals whose row layouts are kept in memory."""

_NAMES_KEPT: Final = 300_000
"""Metric names of runs kept in memory, over all runs."""


class Upload(NamedTuple):
    """A journal range as it came in. data: unpacked and checked."""

    account: Account
    writer: str
    offset: int
    data: bytes


class Stored(NamedTuple):
    """Where the journal is stored up to now, and which run it belongs to."""

    offset: int
    entity: str
    project: str
    run_id: str


class _Prepared(NamedTuple):
    """An upload whose bytes were read. part: None when all of it is known already."""

    upload: Upload
    part: Range | None
    header: records.Header | None


class Committer:
    """Takes journal ranges in. ``start`` inside an event loop, ``submit`` as often as wanted, ``close`` in the end."""

    def __init__(self, database: Database, meta: MetaStore, series: SeriesStore, hub: Hub, liveness: Liveness) -> None:
        self._database = database
        self._meta = meta
        self._series = series
        self._hub = hub
        self._liveness = liveness
        self._layouts: OrderedDict[str, dict[int, Layout]] = OrderedDict()
        self._names: OrderedDict[int, set[tuple[Stream, str]]] = OrderedDict()
        self._waiting: list[tuple[Upload, asyncio.Future[Stored]]] = []
        self._waiting_bytes = 0
        self._wake = asyncio.Event()
        self._full = asyncio.Event()
        self._ended: set[int] = set()
        self._is_closing = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="runlore-commit")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to commit. Call inside the event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="runlore-commit")

    async def submit(self, upload: Upload) -> Stored:
        """Wait until the range is durable.

        Raises Refusal when it is refused, StoreError when the disk refuses.
        """
        if self._is_closing or self._task is None:
            raise Refusal(
                "shutting-down", "cannot take the range: the server is shutting down", hint="send it again later"
            )
        future: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        self._waiting.append((upload, future))
        self._waiting_bytes += len(upload.data)
        self._wake.set()
        if self._waiting_bytes >= GROUP_BYTES:
            self._full.set()
        return await future

    def take_ended(self) -> set[int]:
        """The segments that grew and whose run has ended since the last call: nothing more is awaited there."""
        ended, self._ended = self._ended, set()
        return ended

    async def close(self) -> None:
        """Finish what was submitted, then stop."""
        self._is_closing = True
        self._wake.set()
        self._full.set()
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        begun = 0.0
        while True:
            await self._wake.wait()
            self._wake.clear()
            pause = begun + INTERVAL_S - loop.time()
            if pause > 0 and not self._is_closing and not self._full.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._full.wait(), pause)
            self._full.clear()
            begun = loop.time()
            group, self._waiting, self._waiting_bytes = self._waiting, [], 0
            if group:
                answers = await loop.run_in_executor(self._thread, self.commit, [upload for upload, _ in group])
                for (_, future), answer in zip(group, answers, strict=True):
                    if future.cancelled():
                        continue
                    if isinstance(answer, Stored):
                        future.set_result(answer)
                    else:
                        future.set_exception(answer)
            if self._is_closing and not self._waiting:
                return

    def commit(self, uploads: Sequence[Upload]) -> list[Stored | Exception]:
        """Store the ranges in one transaction: for each where it is stored, or why it is not. For one thread only."""
        try:
            return self._commit(uploads)
        except Exception as error:  # noqa: BLE001 - each waiting request gets the fault as its own answer
            self._layouts.clear()
            self._names.clear()
            if not isinstance(error, StoreError) and len(uploads) > 1:
                # one range must not keep the others out: whose fault it is shows when each is stored alone
                return [answer for upload in uploads for answer in self.commit([upload])]
            _log.warning("cannot store %d journal ranges: %s", len(uploads), error)
            return [error] * len(uploads)

    def _commit(self, uploads: Sequence[Upload]) -> list[Stored | Exception]:
        journals = self._meta.journals([upload.writer for upload in uploads])
        prepared: list[_Prepared | Exception] = []
        ends = {writer: journal.offset for writer, journal in journals.items()}
        broken: set[str] = set()
        for upload in uploads:
            try:
                prepared.append(self._prepare(upload, journals.get(upload.writer), ends, broken))
            except Refusal as refusal:
                prepared.append(refusal)
                if refusal.body.code != "offset-gap":
                    broken.add(upload.writer)
        with self._database.write() as tx:
            group = _Group(self._meta, self._liveness, tx, journals, self._known_names)
            answers = [
                entry if isinstance(entry, Exception) else group.take(entry, broken, self._layouts)
                for entry in prepared
            ]
            group.save(self._series)
        self._hub.publish(
            {changes.run.key: changes.run.entity for changes in group.changes.values() if changes.touched},
            {(changes.run.entity, changes.run.project) for changes in group.changes.values() if changes.touched},
        )
        self._ended.update(
            changes.run.segment
            for changes in group.changes.values()
            if changes.touched and changes.run.finished_ns is not None
        )
        self._trim()
        return answers

    def _prepare(
        self, upload: Upload, journal: JournalRecord | None, ends: dict[str, int], broken: set[str]
    ) -> _Prepared:
        writer, offset = upload.writer, upload.offset
        stored = ends.get(writer, 0)
        if writer in broken or offset > stored:
            raise Refusal(
                "offset-gap",
                f"cannot store journal {writer} from byte {offset} on: it is stored up to byte {stored}",
                hint="go on from the offset in this answer",
                offset=stored,
            )
        data = memoryview(upload.data)
        header = None
        if stored == 0:
            layouts = self._layouts[writer] = {}
        else:
            layouts = self._layouts.get(writer) or self._load_layouts(writer)
            data = data[stored - offset :] if stored - offset < len(data) else data[:0]
        if offset == 0:
            header = read_header(memoryview(upload.data), writer)
        if not len(data):
            return _Prepared(upload, None, header)
        part = decode_range(
            data, stored, layouts, writer, was_damaged=journal is not None and journal.damaged_bytes > 0
        )
        layouts.update((layout.schema.id, layout) for layout in part.schemas)
        self._layouts.move_to_end(writer)
        ends[writer] = part.end
        return _Prepared(upload, part, header)

    def _load_layouts(self, writer: str) -> dict[int, Layout]:
        layouts = {identity: Layout(row) for identity, row in self._meta.schemas(writer).items()}
        self._layouts[writer] = layouts
        return layouts

    def _known_names(self, tx: Transaction, run: int) -> set[tuple[Stream, str]]:
        names = self._names.get(run)
        if names is None:
            names = self._names[run] = self._meta.metric_names(tx, run)
        self._names.move_to_end(run)
        return names

    def _trim(self) -> None:
        while len(self._layouts) > _LAYOUTS_KEPT:
            self._layouts.popitem(last=False)
        while len(self._names) > 1 and sum(map(len, self._names.values())) > _NAMES_KEPT:
            self._names.popitem(last=False)


class _Group:
    """One transaction's work: the changes of every run that its uploads touch."""

    def __init__(
        self,
        meta: MetaStore,
        liveness: Liveness,
        tx: Transaction,
        journals: dict[str, JournalRecord],
        names: Callable[[Transaction, int], set[tuple[Stream, str]]],
    ) -> None:
        self._meta = meta
        self._liveness = liveness
        self._tx = tx
        self._names = names
        self._schemas: list[Layout] = []
        self.now_ns = time.time_ns()
        self.changes: dict[int, RunChanges] = {}
        keys = sorted({journal.run for journal in journals.values()})
        self._load(keys)

    def _load(self, keys: Sequence[int]) -> None:
        if not keys:
            return
        runs = self._meta.runs_by_key(keys, self._tx)
        journals = self._meta.journals_of(keys, self._tx)
        for key, run in runs.items():
            self.changes[key] = RunChanges(run, journals.get(key, []), self._names(self._tx, key))

    def take(self, entry: _Prepared, broken: set[str], layouts: dict[str, dict[int, Layout]]) -> Stored | Exception:
        """Apply an upload; refusals come before anything is changed."""
        upload, part, header = entry
        if upload.writer in broken:
            return Refusal("offset-gap", "an earlier range of this journal was refused", offset=0)
        try:
            changes, journal = self._open(upload, header)
        except Refusal as refusal:
            broken.add(upload.writer)
            layouts.pop(upload.writer, None)
            return refusal
        if part is not None:
            changes.apply(journal, part)
            self._schemas.extend(part.schemas)
            changes.touched.add(journal.writer)
            self._liveness.uploaded(journal)
        run = changes.run
        return Stored(journal.offset, run.entity, run.project, run.id)

    def _open(self, upload: Upload, header: records.Header | None) -> tuple[RunChanges, JournalRecord]:
        changes = next((found for found in self.changes.values() if upload.writer in found.journals), None)
        if changes is not None:
            run, journal = changes.run, changes.journals[upload.writer]
            if run.entity not in upload.account.entities or (
                header is not None and (header.run_id, header.project) != (run.id, run.project)
            ):
                raise _taken(upload.writer)
            if header is not None and journal.offset == 0:
                self._describe(changes, journal, header)
            return changes, journal
        if header is None:
            raise Refusal("offset-gap", f"journal {upload.writer} is unknown", hint="send it from its start", offset=0)
        return self._create(upload, header)

    def _create(self, upload: Upload, header: records.Header) -> tuple[RunChanges, JournalRecord]:
        account = upload.account
        entity = header.entity or account.entity
        if entity not in account.entities:
            raise Refusal(
                "forbidden",
                f"cannot store run {header.run_id!r} in entity {entity!r}: user {account.name!r} may not write there",
                hint=f"use one of {', '.join(account.entities)}, or leave the entity out",
                field="entity",
            )
        try:
            ids.check_project(header.project)
            ids.check_run_id(header.run_id)
        except UsageError as error:
            raise Refusal("bad-journal", f"cannot read journal {upload.writer}: {error}", field="header") from error
        project = self._meta.open_project(self._tx, entity, header.project, now_ns=self.now_ns)
        began_ns = clamp(header.time_ns - int(header.runtime_s * 1e9 if 0 <= header.runtime_s < 1e9 else 0))
        key, _ = self._meta.open_run(
            self._tx, project, header.run_id, user=account.name, name=header.name or header.run_id, now_ns=began_ns
        )
        if key not in self.changes:
            self._load([key])
        changes = self.changes[key]
        journal = JournalRecord(writer=upload.writer, run=key)
        self._describe(changes, journal, header)
        changes.journals[journal.writer] = journal
        self._meta.add_journal(self._tx, journal)
        return changes, journal

    def _describe(self, changes: RunChanges, journal: JournalRecord, header: records.Header) -> None:
        """Take the journal's own fields from its header, and the run's when it is the first to open the run."""
        others = [other for other in changes.journals.values() if other is not journal and other.offset > 0]
        is_first_primary = header.role == "primary" and not any(other.role == "primary" for other in others)
        if not others or (is_first_primary and not header.resume):
            changes.describe(header)
        journal.role = header.role if header.role in {"primary", "worker", "recorder"} else "worker"
        journal.label = header.label[:1024]
        journal.host = header.host[:1024]
        journal.pid = clamp(header.pid)

    def save(self, series: SeriesStore) -> None:
        """Write everything that the uploads changed, a statement for each table."""
        meta, tx = self._meta, self._tx
        touched = [changes for changes in self.changes.values() if changes.touched]
        for changes in touched:
            if changes.added_journals:
                self._add_announced(changes)
            settle(
                changes.run,
                list(changes.journals.values()),
                is_alive=self._liveness.is_alive,
                heard_ns=self._liveness.heard_ns,
            )
            changes.run.updated_ns = self.now_ns
        meta.save_journals(tx, [changes.journals[writer] for changes in touched for writer in changes.touched])
        meta.add_schemas(tx, [layout.schema for layout in self._schemas])
        self._save_console()
        meta.add_losses(tx, [loss for changes in touched for loss in changes.losses])
        meta.add_metric_names(tx, [name for changes in touched for name in changes.new_names])
        blocks = [block for changes in touched for block in changes.blocks]
        objects = [point for changes in touched for point in changes.objects]
        if blocks or objects:
            series.append(tx, blocks, objects)
        meta.save_runs(tx, [changes.run for changes in touched])

    def _add_announced(self, changes: RunChanges) -> None:
        """Keep a place for journals that another one named before they came; those of other runs are none of its business."""
        known = self._meta.journals([journal.writer for journal in changes.added_journals], self._tx)
        for journal in changes.added_journals:
            if journal.writer in known:
                changes.touched.discard(journal.writer)
                del changes.journals[journal.writer]
            else:
                self._meta.add_journal(self._tx, journal)

    def _save_console(self) -> None:
        writing = [changes for changes in self.changes.values() if changes.console]
        if not writing:
            return
        finished, tails = self._meta.console_ends(self._tx, [changes.run.key for changes in writing])
        chunks: list[ConsoleChunk] = []
        ends: dict[tuple[int, str, str], ConsoleTail] = {}
        for changes in writing:
            run = changes.run.key
            line = finished.get(run, 0)
            for writer, stream, pieces in changes.console:
                place = (run, writer, stream)
                for stretch in _stretches(pieces):
                    carry = ends.get(place) or tails.get(place) or ConsoleTail(0, "", 0)
                    lines, ends[place] = fold_terminal(carry, stretch)
                    chunks.append(ConsoleChunk(run, writer, stream, line, len(lines), carry, stretch))
                    line += len(lines)
        self._meta.add_console(self._tx, chunks, ends)


def _stretches(pieces: list[tuple[int, str]]) -> list[list[tuple[int, str]]]:
    """The pieces in stretches of about ``_CONSOLE_CHUNK`` characters."""
    stretches: list[list[tuple[int, str]]] = [[]]
    length = 0
    for time_ns, text in pieces:
        for start in range(0, len(text), _CONSOLE_CHUNK):
            part = text[start : start + _CONSOLE_CHUNK]
            if length + len(part) > _CONSOLE_CHUNK and stretches[-1]:
                stretches.append([])
                length = 0
            stretches[-1].append((time_ns, part))
            length += len(part)
    return [stretch for stretch in stretches if stretch]


def _taken(writer: str) -> Refusal:
    return Refusal(
        "writer-taken",
        f"cannot store journal {writer}: it belongs to another run",
        hint="a journal belongs to one run for good; log the run again under a new writer",
    )
