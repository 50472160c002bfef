"""Trainers that vanish, seen by a real recorder and by its parts."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
from tests.recorder.stand_in import KEY, StandIn
from tests.recorder.writing import Trainer, Written, entry_exists, records_of

from runlore.protocol.records import Exit, Header, System
from runlore.recorder.entries import Settings
from runlore.recorder.journal import OwnJournal
from runlore.recorder.watch import Trainer as Watched
from runlore.recorder.watch import crash_notice, has_notice

if TYPE_CHECKING:
    from pathlib import Path

    from tests.recorder.conftest import Eventually, StartRecorder


def notices(journal: Written) -> list[Exit]:
    """The exits that recorders wrote on behalf of the journal's writer."""
    return [
        record
        for path in sorted(journal.run_dir.glob("*.rlj"))
        if path != journal.path
        for record in records_of(path)
        if isinstance(record, Exit) and record.on_behalf_of == journal.writer
    ]


def test_a_killed_trainer_is_noticed_and_its_run_ended_once(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with StandIn() as server, Trainer() as trainer:
        journal = Written(tmp_path, pid=trainer.pid)
        journal.add_rows(10)
        journal.enter(server.url, KEY)
        start_recorder()
        eventually(lambda: journal.writer in server.journals, "the upload")
        trainer.kill()
        eventually(lambda: notices(journal), "the notice", 10)
        eventually(lambda: not entry_exists(journal.writer), "the entry's removal")
        eventually(lambda: len(server.journals) == 2, "the notice's upload")
        (notice,) = notices(journal)
        assert (notice.state, notice.signal) == ("crashed", "")
        assert str(trainer.pid) in notice.reason
        (own,) = [path for path in journal.run_dir.glob("*.rlj") if path != journal.path]
        eventually(lambda: bytes(server.journals[own.stem]) == own.read_bytes(), "the whole notice")
        eventually(lambda: not entry_exists(own.stem), "the removal of the recorder's own entry")
        header = next(records_of(own))
        assert isinstance(header, Header)
        assert (header.role, header.run_id, header.project, header.writer) == ("recorder", "run1", "p", own.stem)


def test_a_trainer_killed_together_with_its_recorder_is_noticed_by_the_next_one(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with StandIn() as server, Trainer() as trainer:
        journal = Written(tmp_path, pid=trainer.pid)
        journal.add_rows(10)
        journal.enter(server.url, KEY, settings=Settings(stats_interval_s=0.1, stats_window_s=0.1))
        first = start_recorder()
        eventually(lambda: len(list(journal.run_dir.glob("*.rlj"))) == 2, "the recorder's own journal")
        trainer.kill()
        first.kill()
        first.wait()
        journal.add_rows(10, 10)
        start_recorder()
        eventually(lambda: not entry_exists(journal.writer), "the entry's removal")
        assert len(notices(journal)) == 1
        files = list(journal.run_dir.glob("*.rlj"))
        assert len(files) == 3
        eventually(
            lambda: all(bytes(server.journals.get(path.stem, b"")) == path.read_bytes() for path in files),
            "all uploads",
        )


def test_a_finished_run_gets_no_notice_when_its_process_ends(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with StandIn() as server, Trainer() as trainer:
        journal = Written(tmp_path, pid=trainer.pid)
        journal.finish()
        trainer.kill()
        journal.enter(server.url, KEY)
        start_recorder()
        eventually(lambda: not entry_exists(journal.writer), "the entry's removal")
        assert notices(journal) == []
        assert len(server.journals) == 1


def test_a_worker_that_vanishes_does_not_end_the_run(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with StandIn() as server, Trainer() as trainer:
        journal = Written(tmp_path, pid=trainer.pid, role="worker")
        journal.enter(server.url, KEY)
        start_recorder()
        eventually(lambda: journal.writer in server.journals, "the upload")
        trainer.kill()
        eventually(lambda: not entry_exists(journal.writer), "the entry's removal")
        assert notices(journal) == []


def test_an_offline_run_that_vanishes_is_noticed_too(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with Trainer() as trainer:
        journal = Written(tmp_path, pid=trainer.pid)
        journal.enter(None, None, is_offline=True, settings=Settings(stats_interval_s=0.1, stats_window_s=0.2))
        recorder = start_recorder("--idle-s", "0.3")
        eventually(lambda: len(list(journal.run_dir.glob("*.rlj"))) == 2, "machine metrics")
        trainer.kill()
        assert recorder.wait(20) == 0
        assert not entry_exists(journal.writer)
        assert len(notices(journal)) == 1


def test_machine_metrics_are_shipped_in_windows_until_the_run_ends(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with StandIn() as server, Trainer() as trainer:
        journal = Written(tmp_path, pid=trainer.pid)
        journal.enter(server.url, KEY, settings=Settings(stats_interval_s=0.1, stats_window_s=0.4))
        start_recorder()
        eventually(lambda: len(server.journals) == 2, "the recorder's own journal")
        (own,) = [path for path in journal.run_dir.glob("*.rlj") if path != journal.path]
        eventually(lambda: len([r for r in records_of(own) if isinstance(r, System)]) >= 2, "two windows")
        journal.finish()
        eventually(lambda: not entry_exists(own.stem), "the end of the own journal")
        windows = [record for record in records_of(own) if isinstance(record, System)]
        assert bytes(server.journals[own.stem]) == own.read_bytes()
        assert 3 <= windows[1].samples <= 5
        assert windows[0].end_ns == windows[1].start_ns
        for window in windows:
            assert window.values["proc.memory.rssMB"][0] > 0
            for mean, low, high in window.values.values():
                assert low <= mean <= high


def test_stats_disabled_writes_no_journal_of_ours(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with StandIn() as server:
        journal = Written(tmp_path)
        journal.enter(server.url, KEY, settings=Settings(stats_disabled=True, stats_interval_s=0.1, stats_window_s=0.1))
        start_recorder()
        eventually(lambda: server.beats, "a heartbeat")
        journal.finish()
        eventually(lambda: not entry_exists(journal.writer), "the entry's removal")
        assert list(journal.run_dir.iterdir()) == [journal.path]


def test_trainer_is_alive_until_it_is_a_zombie(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
    watched = Watched(process.pid, psutil.Process(process.pid).create_time(), str(tmp_path))
    assert watched.is_alive()
    process.kill()
    end = time.monotonic() + 10
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end
    assert not watched.is_alive()
    process.wait()
    assert not watched.is_alive()


def test_trainer_with_another_start_time_is_somebody_else_unless_it_has_the_journal_open(tmp_path: Path) -> None:
    journal = tmp_path / "a.rlj"
    wrong_start = psutil.Process().create_time() - 5
    assert not Watched(os.getpid(), wrong_start, str(journal)).is_alive()
    assert Watched(os.getpid(), psutil.Process().create_time() + 0.5, str(journal)).is_alive()
    with journal.open("ab"):
        assert Watched(os.getpid(), wrong_start, str(journal)).is_alive()


def test_crash_notice_tells_of_a_restart_and_of_missing_memory() -> None:
    before_boot = Watched(2**22 - 1, psutil.boot_time() - 3600, "")
    assert "restarted" in crash_notice("w", before_boot, was_out_of_memory=False).reason
    later = Watched(2**22 - 1, psutil.boot_time() + 3600, "")
    assert "memory" in crash_notice("w", later, was_out_of_memory=True).reason
    assert crash_notice("w", later, was_out_of_memory=False).on_behalf_of == "w"


def test_has_notice_finds_what_an_earlier_recorder_wrote(tmp_path: Path) -> None:
    journal = Written(tmp_path)
    assert not has_notice(journal.run_dir, journal.writer)
    own = OwnJournal(journal.run_dir, run_id="run1", project="p", entity="")
    own.append(Exit(time_ns=1, state="crashed", on_behalf_of=journal.writer))
    own.close()
    (journal.run_dir / "junk.rlj").write_bytes(b"junk")
    assert has_notice(journal.run_dir, journal.writer)
    assert not has_notice(journal.run_dir, "f" * 32)
