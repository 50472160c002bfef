"""Sync: the recorder's drain, run by hand, for offline runs and for what no recorder has shipped yet.

May run beside a recorder: offsets make it harmless that both ship the same journal.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from runlore import folders
from runlore.errors import CommError, JournalError, NotFound, ServerUnreachable
from runlore.protocol.frames import Frame, scan
from runlore.protocol.records import Kind
from runlore.recorder.client import Client
from runlore.recorder.entries import headers_of
from runlore.recorder.journal import OwnJournal
from runlore.recorder.progress import ProgressFile, read_progress
from runlore.recorder.shipment import Shipment
from runlore.recorder.tail import Tail, open_journal, pieces
from runlore.recorder.targets import address_for
from runlore.recorder.watch import Trainer, crash_notice, has_notice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from runlore.protocol.records import Header
    from runlore.recorder.entries import Settings

log = logging.getLogger(__name__)

PATIENCE_S: Final = 60.0
"""How long a server that stopped answering, or refuses for a while, is tried again before a journal is given up."""

_END_BYTES: Final = 16 * 1024

SLICE_S: Final = 0.2
"""How often progress is told while a journal ships."""


class SyncProgress(NamedTuple):
    """Where a sync stands. path: the journal under way, ``number`` of ``total``. sent_bytes of size_bytes of it."""

    path: Path
    run_id: str
    number: int
    total: int
    sent_bytes: int
    size_bytes: int


class SyncResult(NamedTuple):
    """What became of one journal.

    state: "synced" (everything is there), "known" (it was there already), "open" (shipped so far, and its process still
    writes), "failed" (see ``error``). offset: bytes that the server has. sent_bytes: of them, sent now.
    """

    path: Path
    run_id: str
    project: str
    entity: str
    role: str
    url: str
    state: str
    offset: int
    size_bytes: int
    sent_bytes: int
    damaged_bytes: int
    error: str


def find_journals(paths: Iterable[Path] | None) -> list[Path]:
    """The journals in files and folders, in order of their names; of all local runs when ``paths`` is None.

    Raises NotFound when a path is neither a journal nor a folder with one in it.
    """
    found: dict[Path, None] = {}
    if paths is None:
        return sorted(folders.runs_folder().glob("*/*/*.rlj"))
    for path in paths:
        inside = [path] if path.is_file() else sorted(path.rglob("*.rlj"))
        if not inside:
            raise NotFound(
                f"cannot sync {path}: there is no journal; expected a run's folder, a folder of runs or a file *.rlj"
            )
        found.update(dict.fromkeys(each.resolve() for each in inside))
    return list(found)


def _client(base_url: str | None, api_key: str | None, settings: Settings | None) -> Client:
    base_url, api_key = address_for("sync", base_url, api_key)
    return Client(
        base_url,
        api_key,
        extra_headers=dict(headers_of(settings)) if settings is not None else None,
        insecure_disable_ssl=settings is not None and settings.insecure_disable_ssl,
    )


def sync(
    paths: Iterable[Path] | None,
    base_url: str | None,
    api_key: str | None,
    on_progress: Callable[[SyncProgress], None] | None = None,
    *,
    settings: Settings | None = None,
) -> list[SyncResult]:
    """Ship journals to a server, and say what became of each.

    paths: journals, run folders or folders of runs; None: every local run. base_url: None is the local server of this
    user. on_progress: called a few times a second. settings: for TLS and extra headers. A dead run without an end is
    given one («crashed»), as the recorder does.

    A journal that fails is told in its result and does not keep the others back. Raises ServerUnreachable,
    AuthenticationError, IncompatibleServer when the server cannot be used at all, NotFound when a path holds no journal.
    """
    journals = find_journals(paths)
    client = _client(base_url, api_key, settings)
    try:
        client.health()
        tell = on_progress or (lambda _: None)
        waiting = [*journals]
        results: list[SyncResult] = []
        while waiting:
            path = waiting.pop(0)
            results.append(_sync_one(path, client, tell, number=len(results) + 1, total=len(journals)))
            notice = _notice_for(path, results[-1])
            if notice is not None:
                waiting.insert(0, notice)
                journals.append(notice)
        return results
    finally:
        client.close()


def _is_written_to(header: Header, path: Path) -> bool:
    """Whether the process that wrote the journal may still do so, as far as this machine can tell."""
    if header.host and header.host != folders.host_name():
        return False
    if header.role == "recorder" and header.pid == os.getpid():
        return False  # the notice that this sync has just written
    return Trainer(header.pid, header.pid_start, str(path)).is_alive()


def _sync_one(
    path: Path, client: Client, tell: Callable[[SyncProgress], None], *, number: int, total: int
) -> SyncResult:
    try:
        header = Tail(str(path)).header()
    except (OSError, EOFError, JournalError) as fault:
        return _failure(path, str(fault))
    progress_file = ProgressFile(folders.sync_folder(), header.writer)
    shipment = Shipment(str(path), header.writer, progress_file)
    size = shipment.size()
    known = read_progress(folders.sync_folder(), header.writer)
    if known is not None and known.offset == size and known.base_url == client.base_url and not known.error:
        return _result(shipment, header, state="known", offset=size, url=known.url, entity=known.entity)
    is_open = _is_written_to(header, path)
    shipment.is_final = not is_open
    error = ""
    try:
        _drain(
            shipment, client, lambda: tell(SyncProgress(path, header.run_id, number, total, shipment.offset or 0, size))
        )
        error = progress_file.error
    except CommError as fault:
        if not shipment.sent_bytes and not isinstance(fault, ServerUnreachable):
            raise  # the key or the server's version: no journal would fare better
        error = str(fault)
        progress_file.failed(error, client.base_url)
    progress_file.flush(is_urgent=True)
    last = shipment.last
    is_open = is_open and not shipment.tail.exits
    state = "failed" if error else "open" if is_open else "synced" if shipment.sent_bytes else "known"
    return _result(
        shipment,
        header,
        state=state,
        offset=shipment.offset or 0,
        url=last.url if last else "",
        entity=last.entity if last else header.entity,
        error=error,
    )


def _drain(shipment: Shipment, client: Client, tell: Callable[[], None]) -> None:
    """Ship all there is. Raises CommError when the server is away for too long."""
    tell()
    while True:
        sent = shipment.sent_bytes
        retrying = Retrying(
            retry=retry_if_exception_type((ServerUnreachable, _Again)),
            wait=wait_random_exponential(multiplier=0.5, max=4),
            stop=stop_after_delay(PATIENCE_S),
            reraise=True,
        )
        try:
            has_more = retrying(_slice, shipment, client)
        except _Again:
            return  # ``progress.error`` says why
        tell()
        if not has_more and (shipment.is_drained or shipment.sent_bytes == sent or not shipment.is_final):
            return


class _Again(Exception):
    """The journal was refused for a reason that may pass."""


def _slice(shipment: Shipment, client: Client) -> bool:
    failures = shipment.backoff.failures
    has_more = shipment.drain(client, until=time.monotonic() + SLICE_S)
    if shipment.backoff.failures > failures and shipment.may_pass and not shipment.is_lost:
        raise _Again
    return has_more


def _ends_with_exit(path: Path) -> bool:
    """Whether an Exit record stands in the last bytes of the journal, as it does when a writer ended by itself.

    Spares reading every old journal through at each sync. Raises OSError, EOFError.
    """
    with open_journal(str(path)) as file:
        size = file.seek(0, os.SEEK_END)
        end = b"".join(pieces(file, max(0, size - _END_BYTES), size))
    return any(isinstance(item, Frame) and item.kind == Kind.EXIT for item in scan(end, is_final=False))


def _notice_for(path: Path, result: SyncResult) -> Path | None:
    """A new journal that says that the writer of ``path`` vanished, None when there is no need for one."""
    if result.role != "primary" or result.state not in {"synced", "known"}:
        return None
    tail = Tail(str(path))
    try:
        header = tail.header()
        if _ends_with_exit(path) or has_notice(path.parent, header.writer):
            return None
        at = 0
        while (part := tail.cut(at, is_final=True)).end > at:
            at = part.end
        is_foreign = bool(header.host) and header.host != folders.host_name()
        if tail.exits or is_foreign or _is_written_to(header, path):
            return None
        trainer = Trainer(header.pid, header.pid_start, str(path))
        journal = OwnJournal(path.parent, run_id=header.run_id, project=header.project, entity=header.entity)
        try:
            journal.append(crash_notice(header.writer, trainer, was_out_of_memory=False))
        finally:
            journal.close()
    except (OSError, EOFError, JournalError) as error:
        log.warning("cannot note the end of the run in %s: %s", path, error)
        return None
    return journal.path


def _result(
    shipment: Shipment, header: Header, *, state: str, offset: int, url: str, entity: str, error: str = ""
) -> SyncResult:
    return SyncResult(
        path=Path(shipment.path),
        run_id=header.run_id,
        project=header.project,
        entity=entity,
        role=header.role,
        url=url,
        state=state,
        offset=offset,
        size_bytes=shipment.size(),
        sent_bytes=shipment.sent_bytes,
        damaged_bytes=shipment.tail.damaged_bytes,
        error=error,
    )


def _failure(path: Path, error: str) -> SyncResult:
    size = path.stat().st_size if path.exists() else 0
    return SyncResult(path, "", "", "", "", "", "failed", 0, size, 0, 0, error)
