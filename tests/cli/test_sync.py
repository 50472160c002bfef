from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from harness.live_server import environment
from typer.testing import CliRunner

from runlore.api import Api
from runlore.cli import app

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from harness.live_server import Server


def train_offline(folder: Path, project: str) -> Path:
    code = (
        "import runlore, sys\n"
        "with runlore.init(project=sys.argv[1], mode='offline') as run:\n"
        "    for step in range(50):\n"
        "        run.log({'loss': step})\n"
    )
    alone = environment(folder, {"RUNLORE_RECORDER": "off"})
    subprocess.run([sys.executable, "-c", code, project], env=alone, check=True, timeout=60)
    return next((folder / "runs" / project).iterdir())


def test_offline_run_is_sent_whole_and_only_once(
    shared_server: Server, own_data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_offline(own_data_folder, "sync-all")
    monkeypatch.setenv("RUNLORE_BASE_URL", shared_server.url)
    monkeypatch.setenv("RUNLORE_API_KEY", shared_server.api_key)
    first = json.loads(CliRunner().invoke(app, ["sync", "--all", "--json"]).stdout)
    assert {result["state"] for result in first} == {"synced"}
    second = json.loads(CliRunner().invoke(app, ["sync", "--all", "--json"]).stdout)
    assert {result["state"] for result in second} == {"known"}
    (run,) = Api(shared_server.url, shared_server.api_key).runs("sync-all")
    assert [row["loss"] for row in run.scan_history(["loss"])] == list(range(50))
    assert run.state == "finished"
    assert json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)["unsent"] == []


def test_named_folder_is_sent_and_told(
    shared_server: Server, own_data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = train_offline(own_data_folder, "sync-one")
    train_offline(own_data_folder, "sync-other")
    monkeypatch.setenv("RUNLORE_BASE_URL", shared_server.url)
    monkeypatch.setenv("RUNLORE_API_KEY", shared_server.api_key)
    done = CliRunner().invoke(app, ["sync", str(folder)])
    assert done.exit_code == 0, done.output
    assert "sync-one/" in done.stdout
    unsent = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)["unsent"]
    assert [run["project"] for run in unsent] == ["sync-other"]


def test_sync_wants_to_know_what() -> None:
    done = CliRunner().invoke(app, ["sync"])
    assert (done.exit_code, "--all" in done.stderr) == (1, True)


def test_folder_without_a_journal_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLORE_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("RUNLORE_API_KEY", "k" * 48)
    done = CliRunner().invoke(app, ["sync", str(tmp_path)])
    assert (done.exit_code, "there is no journal" in done.stderr) == (1, True)
