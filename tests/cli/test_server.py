from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from harness.live_server import Server, environment, running_server, wait_for

if TYPE_CHECKING:
    from pathlib import Path


def start(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A server that is expected to give up."""
    return subprocess.run(
        [sys.executable, "-m", "runlore.cli", "server", *arguments],
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_taken_port_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = start(tmp_path, "--port", port)
    assert done.returncode == 1
    assert port in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_data_folder_in_use_is_refused(tmp_path: Path) -> None:
    with running_server(tmp_path / "home") as server:
        done = start(tmp_path / "other", "--port", "0", "--data", str(server.data))
    assert done.returncode == 1
    assert str(server.data) in done.stderr
    assert "Traceback" not in done.stderr


def test_folder_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    done = start(tmp_path, "--port", "0", "--data", str(tmp_path / "file"))
    assert done.returncode == 1
    assert str(tmp_path / "file") in done.stderr


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_folder_that_is_not_writable_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o500)
    done = start(tmp_path, "--port", "0", "--data", str(folder))
    assert (done.returncode, str(folder) in done.stderr) == (1, True)


def test_server_ends_cleanly_when_interrupted(tmp_path: Path) -> None:
    with running_server(tmp_path / "home") as server:
        assert isinstance(server, Server)
        assert server.process is not None
        wait_for(lambda: "#link=" in server.log.read_text(), timeout_s=10, what="the link")
        lines = server.log.read_text().splitlines()
        assert server.url in lines[0]
        assert "#link=" in lines[1]
        assert (server.home / "server.json").stat().st_mode & 0o777 == 0o600
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(20) == 0
        assert not (server.home / "server.json").exists()
