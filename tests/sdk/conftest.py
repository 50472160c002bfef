"""SDK tests: no recorder is started, faults are raised, and every run that a test leaves open is ended."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from runlore.sdk import active, exits, guard, service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def alone(own_data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No recorder, no swallowed faults, no run left over."""
    monkeypatch.setenv("RUNLORE_STRICT", "1")
    monkeypatch.setenv("RUNLORE_RECORDER", "off")
    monkeypatch.delenv(service.VARIABLE, raising=False)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    guard.forget("")
    yield
    for run in active.runs():
        run.close(exits.GOOD, waits=False)


@pytest.fixture
def runs(own_data_folder: Path) -> Path:
    """Where the runs of this test are kept."""
    return own_data_folder / "runs"
