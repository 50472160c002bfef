"""The recorder's small parts: entries, progress files, its own journal, waiting, the disk."""

from __future__ import annotations

import errno
import json
import os
import stat
import threading
import time
from typing import TYPE_CHECKING

import pytest
from tests.recorder.writing import Written, records_of

from runlore import folders
from runlore.protocol.frames import MAGIC
from runlore.protocol.records import Header, System
from runlore.recorder.backoff import FIRST_WAIT_S, LONGEST_WAIT_S, Backoff
from runlore.recorder.durability import DiskSync
from runlore.recorder.entries import Entry, EntryFolder, Settings, write_entry
from runlore.recorder.journal import OwnJournal
from runlore.recorder.progress import Progress, ProgressFile, read_progress
from runlore.recorder.targets import LocalServer

if TYPE_CHECKING:
    from pathlib import Path


def an_entry(writer: str = "a" * 32) -> Entry:
    return Entry(journal="/j", run_dir="/d", writer=writer, run_id="r", project="p")


def test_entries_come_change_and_go(tmp_path: Path) -> None:
    folder = EntryFolder(tmp_path)
    folder.refresh()
    assert folder.entries == {}
    write_entry(tmp_path, an_entry())
    assert stat.S_IMODE((tmp_path / f"{'a' * 32}.json").stat().st_mode) == 0o600
    folder.refresh(is_thorough=True)
    assert folder.entries == {"a" * 32: an_entry()}
    assert folder.entries["a" * 32].settings == Settings(stats_interval_s=2.0, stats_window_s=15.0, disk_paths=["/"])
    changed = Entry(journal="/j", run_dir="/d", writer="a" * 32, run_id="r", project="p", offline=True)
    write_entry(tmp_path, changed)
    folder.refresh(is_thorough=True)
    assert folder.entries == {"a" * 32: changed}
    folder.remove("a" * 32)
    assert folder.entries == {}
    assert list(tmp_path.iterdir()) == []
    folder.remove("a" * 32)


def test_entries_with_unknown_fields_are_read_and_broken_ones_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fields = {"journal": "/j", "run_dir": "/d", "writer": "b" * 32, "run_id": "r", "project": "p", "planet": "Mars"}
    (tmp_path / f"{'b' * 32}.json").write_text(json.dumps(fields))
    (tmp_path / f"{'c' * 32}.json").write_text(json.dumps(fields))  # names another writer
    (tmp_path / f"{'d' * 32}.json").write_text("{")
    folder = EntryFolder(tmp_path)
    for _ in range(3):
        folder.refresh(is_thorough=True)
    assert set(folder.entries) == {"b" * 32}
    assert len(caplog.records) == 2


def test_a_folder_that_is_gone_has_no_entries(tmp_path: Path) -> None:
    folder = EntryFolder(tmp_path / "gone")
    folder.refresh()
    assert folder.entries == {}


def test_progress_is_written_when_it_changed_and_not_too_often(tmp_path: Path) -> None:
    file = ProgressFile(tmp_path, "w")
    file.flush()
    assert read_progress(tmp_path, "w") == Progress(updated=read_progress(tmp_path, "w").updated)  # type: ignore[union-attr]
    file.accepted(10, "http://s/r", "me", "http://s")
    file.flush(is_urgent=True)
    before = (tmp_path / "w.json").stat().st_mtime_ns
    file.flush(is_urgent=True)
    assert (tmp_path / "w.json").stat().st_mtime_ns == before
    file.accepted(20, "http://s/r", "me", "http://s")
    file.flush()
    found = read_progress(tmp_path, "w")
    assert found is not None
    assert found.offset == 10
    time.sleep(0.11)
    file.failed("no", None)
    file.flush()
    found = read_progress(tmp_path, "w")
    assert found is not None
    assert (found.offset, found.error, found.base_url, found.url) == (20, "no", "http://s", "http://s/r")
    assert found.updated == pytest.approx(time.time(), abs=60)


def test_progress_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    assert read_progress(tmp_path, "w") is None
    (tmp_path / "w.json").write_bytes(b"{")
    assert read_progress(tmp_path, "w") is None


def test_own_journal_has_a_header_and_whole_records_from_any_thread(tmp_path: Path) -> None:
    parent = Written(tmp_path)
    journal = OwnJournal.beside(parent.enter(None, None))
    record = System(start_ns=1, end_ns=2, samples=3, values={"cpu": [1.0, 0.0, 2.0]})

    def append_fifty() -> None:
        for _ in range(50):
            journal.append(record)

    threads = [threading.Thread(target=append_fifty) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    journal.close()
    found = list(records_of(journal.path))
    assert found[1:] == [record] * 200
    assert isinstance(found[0], Header)
    assert (found[0].role, found[0].pid, found[0].host) == ("recorder", os.getpid(), folders.host_name())
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    with pytest.raises(OSError, match="closed"):
        journal.append(record)


def test_own_journal_keeps_no_part_of_a_record_that_did_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = OwnJournal(tmp_path, run_id="r", project="p", entity="")
    before = journal.path.read_bytes()
    write = os.write

    def write_some(handle: int, data: bytes) -> int:
        # Stands in for a disk that fills up within a record.
        if len(data) < 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, data[: len(data) - 10])

    monkeypatch.setattr(os, "write", write_some)
    with pytest.raises(OSError, match="No space"):
        journal.append(System(start_ns=1, end_ns=2, samples=3, values={"cpu": [1.0, 0.0, 2.0]}))
    monkeypatch.undo()
    assert journal.path.read_bytes() == before
    assert before.startswith(MAGIC)
    journal.close()


def test_backoff_waits_longer_and_longer_within_bounds_and_starts_anew() -> None:
    backoff = Backoff()
    assert backoff.is_open()
    for failures in range(1, 12):
        backoff.failed()
        assert backoff.failures == failures
        wait = backoff.not_before - time.monotonic()
        assert FIRST_WAIT_S - 0.1 <= wait <= LONGEST_WAIT_S
        assert not backoff.is_open()
    backoff.succeeded()
    assert backoff.is_open()
    assert backoff.failures == 0


def test_disk_sync_touches_what_grew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "p" / "run"
    folder.mkdir(parents=True)
    paths = [folder / "a", folder / "b"]
    for path in paths:
        path.write_bytes(b"x")
    disk = DiskSync()
    names = [str(path) for path in paths]
    assert disk.sync(names) == 2
    assert disk.sync(names) == 0
    paths[0].write_bytes(b"xy")
    assert disk.sync(names) == 1
    paths[0].unlink()
    for _ in range(3):
        assert disk.sync(names) == 0
    assert len(caplog.records) == 1


def test_local_server_is_read_again_when_its_file_changes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "server.json"
    local = LocalServer(path)
    local.refresh()
    assert local.address(an_entry()) is None
    for port in (1, 2):
        folders.write_private(path, json.dumps({"url": f"http://h:{port}", "api_key": "k"}).encode())
        local.refresh()
        address = local.address(an_entry())
        assert address is not None
        assert (address.base_url, address.api_key) == (f"http://h:{port}", "k")
    path.write_bytes(b"{")
    local.refresh()
    assert local.address(an_entry()) is None
    assert len(caplog.records) == 1
    path.unlink()
    local.refresh()
    assert local.address(an_entry()) is None


def test_an_offline_entry_has_no_server_and_a_named_one_its_own() -> None:
    local = LocalServer(folders.server_file())
    named = Entry(
        journal="/j", run_dir="/d", writer="a" * 32, run_id="r", project="p", base_url="https://s", api_key="k",
        settings=Settings(insecure_disable_ssl=True, extra_http_headers={"b": "2", "a": "1"}),
    )  # fmt: skip
    address = local.address(named)
    assert address is not None
    assert address == ("https://s", "k", True, (("a", "1"), ("b", "2")))
    named.offline = True
    assert local.address(named) is None
