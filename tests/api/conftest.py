"""A project with three runs, logged by the SDK and uploaded to a real server."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from harness.live_server import environment

from runlore.api import Api

if TYPE_CHECKING:
    from harness.live_server import Server

TRAINING = """
import math, runlore

for number in range(3):
    config = {"lr": 10.0 ** -number, "model": {"depth": number}, "limit": math.inf}
    with runlore.init(project="api", id=f"run{number}", name=f"number {number}", group="first", job_type="train",
                      tags=["a", "b"], notes="two\\nlines", config=config) as run:
        for step in range(250):
            run.log({"loss": 1 / (step + 1), "count": step})
            if step % 100 == 0:
                run.log({"epoch": step // 100, "word": "seen"})
        run.log({"odd": math.nan, "big": 2**60 + 1})
with runlore.init(project="other/api".replace("/", " of "), id="run0") as run:
    run.log({"loss": 0})
with runlore.init(project="wide", id="wide") as run:
    run.log({f"a metric with a rather long name {number}": number for number in range(2000)})
    run.log({"late": 1}, step=0)
    run.log({"late": 2, "text": "b"}, step=0)
"""


@pytest.fixture(scope="session")
def trained(shared_server: Server) -> Server:
    """The server, with project "api" (run0, run1, run2) and project "other of api" (run0)."""
    given = {"RUNLORE_BASE_URL": shared_server.url, "RUNLORE_API_KEY": shared_server.api_key}
    done = subprocess.run(
        [sys.executable, "-c", TRAINING],
        env=environment(shared_server.home, given),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return shared_server


@pytest.fixture
def api(trained: Server) -> Api:
    """A client of the trained server."""
    return Api(trained.url, trained.api_key)
