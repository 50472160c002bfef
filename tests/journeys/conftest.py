"""Journeys: whole processes, real files, a real server. Every process that a test starts ends with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.live_server import Server, end_processes, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """An empty data folder without a server; its processes are ended after the test."""
    folder = tmp_path / "home"
    folder.mkdir()
    yield folder
    end_processes(folder)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for tests that leave it alone; each uses a project of its own."""
    with running_server(tmp_path_factory.mktemp("journeys") / "home") as running:
        yield running


@pytest.fixture
def own_server(home: Path) -> Iterator[Server]:
    """A server of this test alone, which it may stop, kill and start."""
    with running_server(home) as running:
        yield running
