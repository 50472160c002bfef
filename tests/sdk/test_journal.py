from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from tests.sdk.reading import read_journal, run_script

from runlore.protocol import wire
from runlore.protocol.records import Header, Loss, Objects
from runlore.sdk import journal as journal_module
from runlore.sdk.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

HEADER = wire.encode(Header(run_id="r", project="p", writer="0" * 32, time_ns=1))

LIMITED = """
import resource, signal, sys
import runlore
run = runlore.init(project="p", settings={{"silent": True}})
(path,) = __import__("pathlib").Path(run.sync_dir).glob("*.rlj")

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

for i in range(100):
    run.log({{"a": i, "b": float(i)}})
limit(path.stat().st_size + {room})     # the disk is full in the middle of a frame
for i in range(100, 300):
    run.log({{"a": i, "b": float(i)}})
assert path.stat().st_size <= resource.getrlimit(resource.RLIMIT_FSIZE)[0]
assert run.status().sync_items_total > path.stat().st_size
{then}
"""


@pytest.mark.parametrize("room", [0, 1, 20, 37, 50, 1000])
def test_a_full_disk_keeps_rows_in_memory_and_writes_them_in_order_later(runs: Path, room: int) -> None:
    run_script(
        LIMITED.format(room=room, then="limit(resource.RLIM_INFINITY)\nrun.log({'a': 300, 'b': 0.0})\nrun.finish()")
    )
    (path,) = runs.rglob("*.rlj")
    found = read_journal(path)
    assert found.damaged == 0
    assert found.column("a") == [(step, step) for step in range(301)]
    assert found.exit.state == "finished"
    assert found.of(Loss) == []


def test_a_disk_that_stays_full_leaves_whole_frames_and_a_program_that_ends_well(runs: Path) -> None:
    run_script(LIMITED.format(room=100, then="run.finish()"))
    (path,) = runs.rglob("*.rlj")
    found = read_journal(path)
    assert found.damaged == 0
    steps = [step for step, _ in found.column("a")]
    assert steps == list(range(len(steps)))
    assert len(steps) >= 100


def test_rows_past_the_memory_for_waiting_are_counted_as_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "SPILL_BYTES", 1000)
    path = tmp_path / "a.rlj"
    journal = Journal(path, HEADER)
    descriptor = journal._fd
    journal._fd = os.open("/dev/full", os.O_WRONLY)
    frames = [wire.encode(Objects(step=step, time_ns=1, values={"a": "x" * 50})) for step in range(40)]
    for frame in frames:
        journal.append(frame)
    kept = journal.waiting_bytes // len(frames[0])
    assert 0 < kept < 40
    assert journal.lost_rows == 40 - kept
    os.close(journal._fd)
    journal._fd = descriptor
    assert journal.retry(now=True)
    journal.append(wire.encode(Objects(step=99, time_ns=1, values={"a": "after"})))
    journal.close()
    found = read_journal(path)
    assert [row.step for row in found.rows] == [*range(kept), 99]
    (loss,) = found.of(Loss)
    assert (loss.rows, loss.size_bytes) == (40 - kept, (40 - kept) * len(frames[0]))
    assert "No space left" in loss.reason


def test_a_program_that_closes_all_descriptors_loses_nothing(runs: Path, tmp_path: Path) -> None:
    run_script(
        f"""
        import os, time
        import runlore
        run = runlore.init(project="p", settings={{"silent": True, "console": "off"}})
        run.log({{"a": 0}})
        os.closerange(3, 1000)
        mine = open({str(tmp_path / "mine.txt")!r}, "w")
        run.log({{"a": 1}})
        run.log({{"a": 2}})
        mine.write("untouched")
        mine.close()
        run.finish()
        """
    )
    (path,) = runs.rglob("*.rlj")
    assert [value for _, value in read_journal(path).column("a")] == [0, 1, 2]
    assert (tmp_path / "mine.txt").read_text() == "untouched"


def test_a_journal_never_overwrites_an_existing_file(tmp_path: Path) -> None:
    (tmp_path / "a.rlj").write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        Journal(tmp_path / "a.rlj", HEADER)
    assert (tmp_path / "a.rlj").read_bytes() == b"precious"


def test_rows_survive_kill_9_at_full_speed(runs: Path, tmp_path: Path) -> None:
    seen = tmp_path / "acknowledged"
    run_script(
        f"""
        import os, signal
        import runlore
        run = runlore.init(project="p", settings={{"silent": True}})
        told = os.open({str(seen)!r}, os.O_CREAT | os.O_WRONLY)
        for i in range(20000):
            run.log({{"a": i, "text": "x"}}, commit=i % 3 == 0)
            os.pwrite(told, str(i).encode(), 0)
            if i == 12345:
                os.kill(os.getpid(), signal.SIGKILL)
        """,
        expected=-9,
    )
    (path,) = runs.rglob("*.rlj")
    found = read_journal(path)
    assert found.damaged == 0
    assert [value for _, value in found.column("a")] == list(range(int(seen.read_text()) + 1))
