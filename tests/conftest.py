"""What every test gets: a data folder of its own, no settings of the person who runs it, no process left behind."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import psutil
import pytest
from harness.live_server import Server, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEPT = {"RUNLORE_CHROMIUM", "RUNLORE_SKIP_WEB", "RUNLORE_VENV"}
"""Settings of the test run itself."""

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def end_recorders(folder: Path) -> None:
    """End the recorders whose data folder is ``folder``."""
    for note in folder.glob("recorder-*.json"):
        try:
            process = psutil.Process(json.loads(note.read_bytes())["pid"])
            if "runlore.recorder" in process.cmdline():
                process.kill()
        except (psutil.Error, ValueError, KeyError, FileNotFoundError):
            continue  # it has ended by itself


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """``RUNLORE_DIR`` in a folder of this test alone; a recorder that the test started ends with it."""
    for name in list(os.environ):
        if name.startswith(("RUNLORE_", "WANDB_")) and name not in KEPT:
            monkeypatch.delenv(name)
    folder = tmp_path_factory.mktemp("user")
    monkeypatch.setenv("RUNLORE_DIR", str(folder))
    yield folder
    end_recorders(folder)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium. Without one the test is skipped, in CI it fails."""
    named = os.environ.get("RUNLORE_CHROMIUM")
    found = next(filter(None, map(shutil.which, [named] if named else BROWSERS)), None)
    if found is None:
        reason = "no Chromium: install it, or name it with RUNLORE_CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server process for tests that only add to it; each uses projects of its own."""
    with running_server(tmp_path_factory.mktemp("shared") / "home") as running:
        yield running
