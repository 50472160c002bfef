"""Recorder tests: real recorder processes on real files. Every process that a test starts ends with it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class StartRecorder(Protocol):
    """Starts a recorder of the test's data folder."""

    def __call__(self, *arguments: str) -> subprocess.Popen[bytes]:
        """The process."""


class Eventually(Protocol):
    """Waits until something holds."""

    def __call__(self, condition: Callable[[], object], what: str = ..., timeout_s: float = ...) -> None:
        """Fails the test when it does not hold in time."""


@pytest.fixture
def start_recorder(own_data_folder: Path) -> Iterator[StartRecorder]:
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "runlore.recorder", "run", *arguments],
            env={**os.environ, "RUNLORE_DIR": str(own_data_folder)},
            stdin=subprocess.DEVNULL,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def eventually() -> Eventually:
    def wait(condition: Callable[[], object], what: str = "the condition", timeout_s: float = 20.0) -> None:
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, f"{what} did not come true within {timeout_s} s"
            time.sleep(0.02)

    return wait
