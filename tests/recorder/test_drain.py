"""Real recorder processes draining real journals: exactly once, whatever happens on the way."""

from __future__ import annotations

import json
import random
import signal
from typing import TYPE_CHECKING

import psutil
import pytest
from tests.recorder.stand_in import KEY, Fault, StandIn
from tests.recorder.writing import Trainer, Written, entry_exists

from runlore import folders
from runlore.protocol.records import System
from runlore.recorder.progress import read_progress

if TYPE_CHECKING:
    from pathlib import Path

    from tests.recorder.conftest import Eventually, StartRecorder


def stored(server: StandIn, journal: Written) -> bytes:
    return bytes(server.journals.get(journal.writer, b""))


def test_a_finished_run_is_shipped_whole_and_its_entry_removed(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with StandIn() as server:
        journal = Written(tmp_path)
        journal.add_rows(500)
        journal.finish()
        journal.enter(server.url, KEY)
        start_recorder()
        eventually(lambda: not entry_exists(journal.writer), "the entry's removal")
        assert stored(server, journal) == journal.path.read_bytes()
        progress = read_progress(folders.sync_folder(), journal.writer)
        assert progress is not None
        assert (progress.offset, progress.error) == (journal.path.stat().st_size, "")
        assert progress.url == f"{server.url}/me/p/r"
        assert progress.entity == "me"
        assert progress.base_url == server.url


def test_a_live_journal_is_shipped_as_it_grows_and_never_a_part_of_a_frame(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with StandIn() as server, Trainer() as trainer:
        journal = Written(tmp_path, pid=trainer.pid)
        journal.enter(server.url, KEY)
        start_recorder()
        for round_number in range(3):
            journal.add_rows(20, round_number * 20)
            eventually(lambda: stored(server, journal) == journal.path.read_bytes(), "the upload")
        whole = journal.path.read_bytes()
        journal.add_bytes(whole[8:30])  # the beginning of a frame
        eventually(lambda: server.beats.count([journal.writer]) >= 1, "a heartbeat")
        assert stored(server, journal) == whole
        journal.add_bytes(whole[30:])
        eventually(lambda: stored(server, journal) == journal.path.read_bytes(), "the rest of the frame")
        assert server.damaged_bytes == 0


@pytest.mark.parametrize("seed", range(3))
def test_random_faults_deliver_every_byte_exactly_once(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually, seed: int
) -> None:
    chance = random.Random(seed)
    faults = [
        Fault(503, "storage-failed"),
        Fault(500, "internal"),
        Fault(is_cut=True),
        Fault(is_cut=True, is_after=True),
        Fault(503, "storage-full", is_after=True),
        Fault(400, "damaged-upload"),
        Fault(wait_s=0.2),
    ]
    with StandIn(lambda _path: chance.choice(faults) if chance.random() < 0.4 else None) as server:
        journals = [Written(tmp_path, run_id=f"run{i}") for i in range(3)]
        for journal in journals:
            journal.add_rows(2000)
            journal.enter(server.url, KEY)
        recorder = start_recorder()
        for round_number in range(1, 4):
            for journal in journals:
                journal.add_rows(1000, round_number * 2000)
            if round_number == 2:
                recorder.kill()
                recorder.wait()
                start_recorder()
        for journal in journals:
            journal.finish()
        eventually(lambda: not any(entry_exists(journal.writer) for journal in journals), "the end", 60)
        for journal in journals:
            assert stored(server, journal) == journal.path.read_bytes()
        assert server.damaged_bytes == 0


def test_a_recorder_killed_again_and_again_ships_on_from_the_acknowledged_offset(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with StandIn(lambda path: Fault(wait_s=0.05) if path.startswith("/journals/") else None) as server:
        journal = Written(tmp_path)
        journal.add_rows(60_000)
        journal.enter(server.url, KEY)
        for _ in range(3):
            before = len(stored(server, journal))
            recorder = start_recorder()
            eventually(lambda floor=before: len(stored(server, journal)) > floor, "progress")  # type: ignore[misc]
            recorder.kill()
            recorder.wait()
            journal.add_rows(30_000)
        journal.finish()
        start_recorder()
        eventually(lambda: not entry_exists(journal.writer), "the entry's removal", 60)
        assert stored(server, journal) == journal.path.read_bytes()


def test_a_server_that_comes_back_is_found_again(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with StandIn() as server:
        journal = Written(tmp_path)
        journal.add_rows(10)
        journal.enter(server.url, KEY)
        start_recorder()
        eventually(lambda: stored(server, journal) == journal.path.read_bytes(), "the upload")
    journal.add_rows(10, 10)
    eventually(
        lambda: "cannot reach" in (folders.sync_folder() / f"{journal.writer}.json").read_text(), "the error's mention"
    )
    with StandIn(port=server.port) as successor:
        successor.journals = server.journals
        eventually(lambda: stored(successor, journal) == journal.path.read_bytes(), "the upload of the rest")

        def error() -> str:
            progress = read_progress(folders.sync_folder(), journal.writer)
            return progress.error if progress else "no progress"

        eventually(lambda: error() == "", "the end of the error's mention")


def test_a_server_that_lost_its_data_gets_everything_again(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with StandIn() as server, Trainer() as trainer:
        journal = Written(tmp_path, pid=trainer.pid)
        journal.add_rows(10)
        journal.enter(server.url, KEY)
        start_recorder()
        eventually(lambda: stored(server, journal) == journal.path.read_bytes(), "the upload")
        server.journals.clear()
        eventually(lambda: stored(server, journal) == journal.path.read_bytes(), "the second upload")


def test_an_offset_gap_is_followed(tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually) -> None:
    with StandIn() as server:
        journal = Written(tmp_path)
        journal.add_rows(1000)
        journal.enter(server.url, KEY)
        start_recorder()
        eventually(lambda: stored(server, journal) == journal.path.read_bytes(), "the upload")
        with server.lock:
            # Back to the header alone: the server lost what came later.
            header_end = 8 + 9 + int.from_bytes(journal.path.read_bytes()[12:16], "little")
            del server.journals[journal.writer][header_end:]
        journal.add_rows(1, 1000)
        eventually(lambda: stored(server, journal) == journal.path.read_bytes(), "the upload from the gap on")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "bad-credential"),
        (404, "not-found"),
        (409, "writer-taken"),
        (413, "too-large"),
        (422, "bad-journal"),
        (500, ""),
    ],
)
def test_a_refused_journal_does_not_hold_up_the_others(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually, status: int, code: str
) -> None:
    refused = Written(tmp_path, run_id="refused")
    refused.add_rows(10)

    def faults(path: str) -> Fault | None:
        return Fault(status, code) if path == f"/journals/{refused.writer}" else None

    with StandIn(faults) as server:
        good = Written(tmp_path, run_id="good")
        good.add_rows(10)
        # 401 concerns a key: its journals wait together, those of other keys do not.
        refused.enter(server.url, KEY if status != 401 else "rl-wrong")
        good.enter(server.url, KEY)
        start_recorder()
        eventually(lambda: stored(server, good) == good.path.read_bytes(), "the upload of the other")
        eventually((folders.sync_folder() / f"{refused.writer}.json").exists, "the error's mention")

        def error() -> str:
            progress = read_progress(folders.sync_folder(), refused.writer)
            return progress.error if progress else ""

        eventually(lambda: code in error() and server.url in error(), "the error")
        assert entry_exists(refused.writer)
        log = folders.recorder_log().read_text()
        assert KEY not in log
        assert "rl-wrong" not in log


def test_a_server_that_hangs_does_not_hold_up_another(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with StandIn(lambda _path: Fault(wait_s=3.0)) as hanging, StandIn() as server:
        stuck = [Written(tmp_path, run_id=f"stuck{i}") for i in range(5)]
        for journal in stuck:
            journal.enter(hanging.url, KEY)
        start_recorder()
        eventually(lambda: hanging.requests, "a request")
        good = Written(tmp_path, run_id="good")
        good.add_rows(10)
        good.enter(server.url, KEY)
        eventually(lambda: stored(server, good) == good.path.read_bytes(), "the upload", 2.5)


def test_a_server_of_another_version_gets_nothing(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with StandIn() as server:
        server.protocol = 99
        journal = Written(tmp_path)
        journal.enter(server.url, KEY)
        start_recorder()
        sync_file = folders.sync_folder() / f"{journal.writer}.json"
        eventually(lambda: sync_file.exists() and "protocol 99" in sync_file.read_text(), "the error")
        assert server.requests["range"] == 0


def test_the_local_server_is_found_when_it_appears_and_again_when_it_moves(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually, own_data_folder: Path
) -> None:
    journal = Written(tmp_path)
    journal.add_rows(5)
    journal.enter(None, None)
    start_recorder()
    for _ in range(2):
        with StandIn() as server:
            folders.write_private(
                folders.server_file(), json.dumps({"url": server.url, "pid": 1, "api_key": KEY}).encode()
            )
            eventually(lambda: stored(server, journal) == journal.path.read_bytes(), "the upload")


def test_a_flipped_byte_is_shipped_and_all_else_is_intact(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with StandIn() as server:
        journal = Written(tmp_path)
        journal.add_rows(100)
        data = bytearray(journal.path.read_bytes())
        data[-50 * 109 + 40] ^= 4
        journal.path.write_bytes(data)
        journal.finish()
        journal.enter(server.url, KEY)
        start_recorder()
        eventually(lambda: not entry_exists(journal.writer), "the entry's removal")
        assert stored(server, journal) == journal.path.read_bytes()
        assert server.damaged_bytes == 109
        start = len(data) - 50 * 109
        assert f"is damaged: bytes {start} to {start + 109}" in folders.recorder_log().read_text()


def test_a_torn_tail_of_a_dead_trainer_is_not_shipped(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with StandIn() as server, Trainer() as trainer:
        journal = Written(tmp_path, pid=trainer.pid)
        trainer.kill()
        journal.add_rows(10)
        whole = journal.path.read_bytes()
        journal.add_bytes(whole[-109:-9])
        journal.enter(server.url, KEY)
        start_recorder()
        eventually(lambda: not entry_exists(journal.writer), "the entry's removal")
        assert stored(server, journal) == whole


def test_a_journal_cut_below_the_acknowledged_offset_is_reported(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with StandIn() as server, Trainer() as trainer:
        journal = Written(tmp_path, pid=trainer.pid)
        journal.add_rows(10)
        journal.enter(server.url, KEY)
        recorder = start_recorder()
        eventually(lambda: stored(server, journal) == journal.path.read_bytes(), "the upload")
        recorder.kill()
        recorder.wait()
        journal.path.write_bytes(journal.path.read_bytes()[:-200])
        start_recorder()
        sync_file = folders.sync_folder() / f"{journal.writer}.json"
        eventually(lambda: "was cut" in sync_file.read_text(), "the error")
        assert entry_exists(journal.writer)
        trainer.kill()
        eventually(lambda: not entry_exists(journal.writer), "the entry's removal")


def test_deleted_journals_and_unreadable_entries_do_not_stop_the_recorder(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with StandIn() as server:
        gone = Written(tmp_path, run_id="gone", pid=2**22 - 1)
        gone.enter(server.url, KEY)
        gone.path.unlink()
        foreign = Written(tmp_path, run_id="foreign", pid=2**22 - 1)
        foreign.path.write_bytes(b"this is no journal at all, but a text of some length")
        foreign.enter(server.url, KEY)
        (folders.active_folder() / f"{'a' * 32}.json").write_bytes(b"{")
        (folders.active_folder() / f"{'b' * 32}.json").write_bytes(b'{"journal": 7}')
        good = Written(tmp_path, run_id="good")
        good.add_rows(10)
        good.enter(server.url, KEY)
        recorder = start_recorder()
        eventually(lambda: stored(server, good) == good.path.read_bytes(), "the upload")
        eventually(lambda: not entry_exists(gone.writer) and not entry_exists(foreign.writer), "their entries' removal")
        assert recorder.poll() is None
        log = folders.recorder_log().read_text()
        assert "a" * 32 in log
        assert "b" * 32 in log
        assert "does not begin as a journal does" in log


def test_an_offline_run_is_not_shipped_but_watched_and_let_go(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with StandIn() as server:
        journal = Written(tmp_path)
        journal.add_rows(10)
        journal.enter(server.url, KEY, is_offline=True)
        start_recorder()
        journal.finish()
        eventually(lambda: not entry_exists(journal.writer), "the entry's removal")
        assert not server.journals
        assert not server.beats


def test_a_long_frame_and_long_damage_pass_through_in_bounded_ranges(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with StandIn() as server:
        journal = Written(tmp_path)
        journal.add_rows(10)
        values = {f"m{i}": [float(i), 0.0, 1.0] for i in range(300_000)}
        journal.add(System(start_ns=1, end_ns=2, samples=1, values=values))
        journal.add_bytes(bytes(9_000_000))
        journal.add_rows(10, 10)
        journal.finish()
        journal.enter(server.url, KEY)
        start_recorder()
        eventually(lambda: not entry_exists(journal.writer), "the entry's removal", 60)
        assert stored(server, journal) == journal.path.read_bytes()
        assert server.damaged_bytes == 9_000_000


def test_memory_stays_bounded_with_a_backlog_of_200_mb(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with StandIn(is_checking=False) as server:
        journal = Written(tmp_path)
        journal.add_rows(20_000)
        rows = journal.path.read_bytes()[-109 * 20_000 :]
        with journal.path.open("ab") as file:
            for _ in range(92):
                file.write(rows)
        journal.finish()
        assert journal.path.stat().st_size > 200e6
        journal.enter(server.url, KEY)
        recorder = psutil.Process(start_recorder().pid)
        most = 0

        def is_shipped() -> bool:
            nonlocal most
            most = max(most, recorder.memory_info().rss)
            return not entry_exists(journal.writer)

        eventually(is_shipped, "the upload", 100)
        assert len(stored(server, journal)) == journal.path.stat().st_size
        assert server.longest_range <= 4 * 1024 * 1024
        assert most < 60e6


def test_sigterm_ends_the_recorder_after_the_request_under_way(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with StandIn(lambda path: Fault(wait_s=0.5) if path.startswith("/journals/") else None) as server:
        journal = Written(tmp_path)
        journal.add_rows(10)
        journal.enter(server.url, KEY)
        recorder = start_recorder()
        eventually(lambda: server.requests["range"], "a request")
        recorder.send_signal(signal.SIGTERM)
        assert recorder.wait(10) == 0
        assert stored(server, journal) == journal.path.read_bytes()
        assert entry_exists(journal.writer)


def test_it_ends_by_itself_when_nothing_is_left(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with StandIn() as server:
        journal = Written(tmp_path)
        journal.finish()
        journal.enter(server.url, KEY)
        recorder = start_recorder("--idle-s", "0.5")
        assert recorder.wait(20) == 0
        assert stored(server, journal) == journal.path.read_bytes()


def test_it_ends_by_itself_when_no_server_is_known_and_the_next_one_goes_on(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with Trainer() as trainer:
        journal = Written(tmp_path, pid=trainer.pid)
        journal.add_rows(3)
        journal.finish()
        journal.enter(None, None)
    assert start_recorder("--idle-s", "0.3").wait(20) == 0
    assert entry_exists(journal.writer)
    with StandIn() as server:
        folders.write_private(folders.server_file(), json.dumps({"url": server.url, "api_key": KEY}).encode())
        assert start_recorder("--idle-s", "0.3").wait(20) == 0
        assert stored(server, journal) == journal.path.read_bytes()


def test_it_ends_by_itself_when_a_known_server_stays_away(
    tmp_path: Path, start_recorder: StartRecorder, eventually: Eventually
) -> None:
    with StandIn() as server:
        url = server.url
    with Trainer() as trainer:
        journal = Written(tmp_path, pid=trainer.pid)
        journal.finish()
        journal.enter(url, KEY)
    assert start_recorder("--idle-s", "0.1", "--unreachable-idle-s", "0.6").wait(20) == 0
    assert entry_exists(journal.writer)
    progress = read_progress(folders.sync_folder(), journal.writer)
    assert progress is not None
    assert progress.error.startswith(f"cannot reach {url}")
