"""One recorder for each user and machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runlore import folders
from runlore.recorder.lock import RecorderLock

if TYPE_CHECKING:
    from pathlib import Path

    from tests.recorder.conftest import Eventually, StartRecorder


def test_a_held_lock_is_refused_and_a_released_one_given(tmp_path: Path) -> None:
    first, second = RecorderLock(tmp_path / "a.lock"), RecorderLock(tmp_path / "a.lock")
    assert first.acquire()
    assert not second.acquire()
    first.release()
    first.release()
    assert second.acquire()
    second.release()


def test_a_second_recorder_exits_at_once_and_a_killed_one_frees_its_place(
    start_recorder: StartRecorder, eventually: Eventually
) -> None:
    first = start_recorder()
    eventually(folders.recorder_file().exists, "the first one's start")
    assert start_recorder().wait(20) == 0
    assert first.poll() is None
    first.kill()
    first.wait()
    folders.recorder_file().unlink()
    third = start_recorder()
    eventually(folders.recorder_file().exists, "the third one's start")
    assert third.poll() is None
