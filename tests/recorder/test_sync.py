"""Sync: the same drain by hand."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from tests.recorder.stand_in import KEY, Fault, StandIn
from tests.recorder.writing import Trainer, Written, records_of

from runlore import folders
from runlore.errors import AuthenticationError, IncompatibleServer, NotFound, ServerUnreachable
from runlore.protocol.records import Exit
from runlore.recorder import sync as sync_module
from runlore.recorder.progress import read_progress
from runlore.recorder.sync import SyncProgress, find_journals, sync

if TYPE_CHECKING:
    from pathlib import Path


def test_offline_runs_are_shipped_and_known_the_second_time(own_data_folder: Path) -> None:
    journals = [Written(own_data_folder, run_id=f"run{i}") for i in range(2)]
    for journal in journals:
        journal.add_rows(100)
        journal.finish()
    told: list[SyncProgress] = []
    with StandIn() as server:
        results = sync(None, server.url, KEY, told.append)
        assert [(each.state, each.run_id, each.error) for each in results] == [
            ("synced", "run0", ""),
            ("synced", "run1", ""),
        ]
        assert results[0].url == f"{server.url}/me/p/r"
        for journal in journals:
            assert bytes(server.journals[journal.writer]) == journal.path.read_bytes()
            progress = read_progress(folders.sync_folder(), journal.writer)
            assert progress is not None
            assert progress.offset == journal.path.stat().st_size
        asked = server.requests.copy()
        assert [each.state for each in sync(None, server.url, KEY)] == ["known", "known"]
        assert server.requests["range"] == asked["range"]
    assert told[-1].sent_bytes == told[-1].size_bytes > 0
    assert (told[-1].number, told[-1].total) == (2, 2)


def test_a_dead_run_without_an_end_is_given_one(tmp_path: Path) -> None:
    with Trainer() as trainer:
        journal = Written(tmp_path, pid=trainer.pid)
        journal.add_rows(10)
    with StandIn() as server:
        results = sync([journal.run_dir], server.url, KEY)
        assert [(each.role, each.state) for each in results] == [("primary", "synced"), ("recorder", "synced")]
        notice = next(record for record in records_of(results[1].path) if isinstance(record, Exit))
        assert (notice.state, notice.on_behalf_of) == ("crashed", journal.writer)
        assert bytes(server.journals[results[1].path.stem]) == results[1].path.read_bytes()
        assert [each.state for each in sync([journal.run_dir], server.url, KEY)] == ["known", "known"]


def test_a_run_of_another_machine_is_given_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "host_name", lambda: "elsewhere")
    with Trainer() as trainer:
        journal = Written(tmp_path, pid=trainer.pid)
    monkeypatch.undo()
    with StandIn() as server:
        assert [each.state for each in sync([tmp_path], server.url, KEY)] == ["synced"]
    assert list(journal.run_dir.iterdir()) == [journal.path]


def test_a_run_that_goes_on_is_shipped_so_far(tmp_path: Path) -> None:
    journal = Written(tmp_path, pid=os.getpid())
    journal.add_rows(10)
    with StandIn() as server:
        (result,) = sync([journal.path], server.url, KEY)
        assert (result.state, result.offset) == ("open", journal.path.stat().st_size)
        journal.add_rows(10, 10)
        (result,) = sync([journal.path], server.url, KEY)
        assert result.sent_bytes == 10 * 109
        assert bytes(server.journals[journal.writer]) == journal.path.read_bytes()


def test_a_journal_that_fails_does_not_keep_the_others_back(tmp_path: Path) -> None:
    bad, good = Written(tmp_path, run_id="bad"), Written(tmp_path, run_id="good")
    good.finish()
    (tmp_path / "runs" / "p" / "zzz").mkdir()
    (tmp_path / "runs" / "p" / "zzz" / "x.rlj").write_bytes(b"no journal, but long enough to be one")

    def faults(path: str) -> Fault | None:
        return Fault(409, "writer-taken") if path == f"/journals/{bad.writer}" else None

    with StandIn(faults) as server:
        results = {each.path.name: each for each in sync([tmp_path], server.url, KEY)}
    assert results[good.path.name].state == "synced"
    assert results[bad.path.name].state == "failed"
    assert "writer-taken" in results[bad.path.name].error
    assert "does not begin as a journal does" in results["x.rlj"].error


def test_passing_faults_are_tried_again_and_lasting_ones_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Written(tmp_path)
    journal.add_rows(100)
    journal.finish()
    faults = iter([None, None, Fault(503, "storage-full"), Fault(is_cut=True), Fault(is_cut=True, is_after=True)])
    with StandIn(lambda _path: next(faults, None)) as server:
        (result,) = sync([journal.path], server.url, KEY)
        assert (result.state, result.error) == ("synced", "")
        assert bytes(server.journals[journal.writer]) == journal.path.read_bytes()
    monkeypatch.setattr(sync_module, "PATIENCE_S", 0.3)
    with StandIn(lambda path: Fault(503, "storage-full") if path.startswith("/journals") else None) as server:
        (result,) = sync([journal.path], server.url, KEY)
        assert result.state == "failed"
        assert "storage-full" in result.error


def test_damage_is_counted_and_the_rest_shipped(tmp_path: Path) -> None:
    journal = Written(tmp_path)
    journal.add_rows(10)
    data = bytearray(journal.path.read_bytes())
    data[-5 * 109 + 50] ^= 1
    journal.path.write_bytes(data)
    journal.finish()
    with StandIn() as server:
        (result,) = sync([journal.path], server.url, KEY)
        assert (result.state, result.damaged_bytes) == ("synced", 109)
        assert bytes(server.journals[journal.writer]) == journal.path.read_bytes()


def test_the_local_server_is_used_when_none_is_named(tmp_path: Path) -> None:
    journal = Written(tmp_path)
    journal.finish()
    with pytest.raises(ServerUnreachable, match="no server is known"):
        sync([tmp_path], None, None)
    with StandIn() as server:
        folders.write_private(folders.server_file(), json.dumps({"url": server.url, "api_key": KEY}).encode())
        assert sync([tmp_path], None, None)[0].error == ""


def test_a_server_that_cannot_be_used_at_all_raises(tmp_path: Path) -> None:
    journal = Written(tmp_path)
    with StandIn() as server:
        with pytest.raises(AuthenticationError, match="bad-credential"):
            sync([journal.path], server.url, "rl-wrong")
        server.protocol = 2
        with pytest.raises(IncompatibleServer, match="protocol 2"):
            sync([journal.path], server.url, KEY)
    with pytest.raises(ServerUnreachable, match="cannot reach"):
        sync([journal.path], server.url, KEY)
    with pytest.raises(ServerUnreachable, match="is no address"):
        sync([journal.path], "localhost:80", KEY)


def test_a_path_without_a_journal_raises(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no journal"):
        find_journals([tmp_path])
    assert find_journals(None) == []
