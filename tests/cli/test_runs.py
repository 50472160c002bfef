from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from harness.live_server import environment
from typer.testing import CliRunner

from runlore.cli import app

if TYPE_CHECKING:
    from harness.live_server import Server


@pytest.fixture(scope="module")
def trained(shared_server: Server) -> Server:
    """The server with a project "cli" of two runs."""
    code = (
        "import runlore\n"
        "for number in range(2):\n"
        "    with runlore.init(project='cli', id=f'cli{number}', name=f'number {number}', tags=['t']) as run:\n"
        "        run.log({'loss': number})\n"
    )
    given = {"RUNLORE_BASE_URL": shared_server.url, "RUNLORE_API_KEY": shared_server.api_key}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(shared_server.home, given),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return shared_server


@pytest.fixture(autouse=True)
def logged_in(trained: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLORE_BASE_URL", trained.url)
    monkeypatch.setenv("RUNLORE_API_KEY", trained.api_key)


def test_runs_are_listed_newest_first() -> None:
    done = CliRunner().invoke(app, ["runs", "ls", "cli"])
    assert done.exit_code == 0, done.output
    assert done.stdout.index("number 1") < done.stdout.index("number 0")
    assert "finished" in done.stdout


def test_runs_in_json_carry_config_and_summary() -> None:
    done = CliRunner().invoke(app, ["runs", "ls", "cli", "--order", "created_at", "--json"])
    told = json.loads(done.stdout)
    assert [(run["id"], run["state"], run["summary"]["loss"], run["tags"]) for run in told] == [
        ("cli0", "finished", 0, ["t"]),
        ("cli1", "finished", 1, ["t"]),
    ]


def test_limit_says_how_many_are_not_shown() -> None:
    done = CliRunner().invoke(app, ["runs", "ls", "cli", "--limit", "1"])
    assert "and 1 more" in done.stdout


def test_every_project_is_listed_without_a_name() -> None:
    done = CliRunner().invoke(app, ["runs", "ls", "--json", "--search", "cli0"])
    assert [run["id"] for run in json.loads(done.stdout)] == ["cli0"]


def test_unknown_project_is_named() -> None:
    done = CliRunner().invoke(app, ["runs", "ls", "nowhere"])
    assert done.exit_code == 1
    assert "nowhere" in done.stderr
