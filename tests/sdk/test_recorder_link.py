from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest

import runlore
from runlore import folders
from runlore.sdk import recorder_link

if TYPE_CHECKING:
    from harness.live_server import Server


def recorder_pid() -> int:
    return int(json.loads(folders.recorder_file().read_bytes())["pid"])


def eventually(condition: Any, timeout_s: float = 10) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_held_lock_is_a_living_recorder() -> None:
    assert not recorder_link.is_alive()
    descriptor = os.open(folders.recorder_lock(), os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert recorder_link.is_alive()
    os.close(descriptor)
    assert not recorder_link.is_alive()


def test_the_recorder_is_no_child_of_ours_and_is_started_again_when_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLORE_RECORDER", "auto")
    with runlore.init(project="p", mode="offline") as run:
        run.log({"a": 1})
        eventually(recorder_link.is_alive)
        eventually(folders.recorder_file().exists)
        first = recorder_pid()
        assert first not in {child.pid for child in psutil.Process().children(recursive=True)}
        psutil.Process(first).kill()
        eventually(lambda: recorder_link.is_alive() and recorder_pid() != first)


def test_finish_waits_until_the_server_has_everything(
    shared_server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNLORE_RECORDER", "auto")
    server = {"base_url": shared_server.url, "api_key": shared_server.api_key}
    with runlore.init(project="sdk-finish", id="x", settings=server, config={"lr": 0.1}) as run:
        for step in range(1000):
            run.log({"a": step})
    assert run.status().sync_items_pending == 0
    assert run.url is not None
    assert run.url.startswith(shared_server.url)
    assert run.url.endswith("/sdk-finish/runs/x")
    assert run.project_url == run.url.rpartition("/runs/")[0]
    assert run.url in capsys.readouterr().err

    shutil.rmtree(folders.runs_folder())
    with runlore.init(project="sdk-finish", id="x", resume="must", settings=server) as run:
        assert run.resumed
        assert run.step == 1000
        assert run.config["lr"] == 0.1
        assert run.summary["a"] == 999
        run.log({"a": 1000})
    assert "resumes at step 1000" in capsys.readouterr().err


def test_finish_stops_waiting_without_progress_and_leaves_the_recorder_at_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RUNLORE_RECORDER", "auto")
    with runlore.init(
        project="p", settings={"base_url": "http://127.0.0.1:9", "api_key": "k", "finish_timeout": 0.3}
    ) as run:
        run.log({"a": 1})
    text = capsys.readouterr().err
    assert "0 of" in text
    assert "the recorder goes on with it" in text


@pytest.mark.parametrize("mode", ["online", "offline"])
def test_finish_does_not_wait_where_there_is_no_server(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("waited")

    monkeypatch.setenv("RUNLORE_RECORDER", "auto")
    monkeypatch.setattr("runlore.sdk.waiting.wait_for_upload", never)
    with runlore.init(project="p", mode=mode) as run:
        run.log({"a": 1})


def test_a_wrong_key_is_named_when_resuming(shared_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLORE_RECORDER", "auto")
    with pytest.raises(runlore.AuthenticationError, match="key"):
        runlore.init(
            project="p", id="x", resume="must", settings={"base_url": shared_server.url, "api_key": "rl-" + "x" * 48}
        )
    assert runlore.login(key=shared_server.api_key, host=shared_server.url, verify=True)
