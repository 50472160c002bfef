from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from harness.live_server import environment, processes_of

if TYPE_CHECKING:
    from pathlib import Path


def test_demo_trains_prints_the_link_first_and_leaves_nothing_running(tmp_path: Path) -> None:
    data = tmp_path / "kept"
    command = [sys.executable, "-m", "runlore.cli", "demo", "--data", str(data), "--once", "--epochs=2", "--runs=2"]
    done = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert "/#link=" in lines[0]
    assert [line for line in lines if line.startswith("training 2 is done: epoch 1 val/loss")]
    assert len(list((data / "runs" / "digits").iterdir())) == 2
    assert processes_of(data) == []


def test_demo_ends_in_order_when_interrupted(tmp_path: Path) -> None:
    data = tmp_path / "kept"
    command = [sys.executable, "-m", "runlore.cli", "demo", "--data", str(data), "--epochs=10000", "--runs=2"]
    demo = subprocess.Popen(command, env=environment(tmp_path), stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    try:
        for line in demo.stdout:
            if line.startswith("training 2 of 2"):
                break
        demo.send_signal(signal.SIGINT)
        rest, _ = demo.communicate(timeout=60)
    finally:
        demo.kill()
        demo.wait()
    assert "Stopped." in rest
    assert processes_of(data) == []
