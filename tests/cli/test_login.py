from __future__ import annotations

import json
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from runlore import credentials
from runlore.cli import app

if TYPE_CHECKING:
    from pathlib import Path

    from harness.live_server import Server


def test_key_from_standard_input_is_verified_and_kept(shared_server: Server, own_data_folder: Path) -> None:
    done = CliRunner().invoke(
        app, ["login", "--host", f"{shared_server.url}/", "--key-stdin"], input=shared_server.api_key + "\n"
    )
    assert done.exit_code == 0, done.output
    assert shared_server.api_key not in done.output
    assert credentials.need() == (shared_server.url, shared_server.api_key, "runlore login")
    told = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)["server"]
    assert (told["state"], told["has_key"]) == ("answers", True)
    assert told["user"]


def test_wrong_key_is_not_kept(shared_server: Server, own_data_folder: Path) -> None:
    done = CliRunner().invoke(app, ["login", "--host", shared_server.url], input="rl-" + "x" * 48 + "\n")
    assert done.exit_code == 1
    assert "bad-credential" in done.stderr
    assert not (own_data_folder / "credentials.json").exists()


def test_key_is_kept_unseen_when_asked_to() -> None:
    done = CliRunner().invoke(app, ["login", "--host", "http://127.0.0.1:9", "--no-verify"], input="k" * 48 + "\n")
    assert done.exit_code == 0
    assert credentials.need().api_key == "k" * 48


def test_empty_key_and_unknown_server_are_refused() -> None:
    done = CliRunner().invoke(app, ["login", "--host", "http://127.0.0.1:9"], input="\n")
    assert (done.exit_code, "no API key was given" in done.stderr) == (1, True)
    done = CliRunner().invoke(app, ["login"], input="k\n")
    assert (done.exit_code, "--host" in done.stderr) == (1, True)
