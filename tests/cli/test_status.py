from __future__ import annotations

import json
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from runlore.cli import app

if TYPE_CHECKING:
    from pathlib import Path


def journal(folder: Path, project: str, run: str, writer: str, size: int) -> None:
    path = folder / "runs" / project / f"20250102-101500-{run}" / f"{writer}.rlj"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))


def test_fresh_folder_has_nothing_to_send(own_data_folder: Path) -> None:
    done = CliRunner().invoke(app, ["status", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["data_folder"] == str(own_data_folder)
    assert told["server"] == {"url": None, "source": None, "has_key": False, "state": "none known", "user": None}
    assert told["recorder"]["is_alive"] is False
    assert told["unsent"] == []


def test_unsent_bytes_are_told_by_run(own_data_folder: Path) -> None:
    journal(own_data_folder, "digits", "aaaa", "1" * 32, 1000)
    journal(own_data_folder, "digits", "aaaa", "2" * 32, 500)
    journal(own_data_folder, "digits", "bbbb", "3" * 32, 700)
    (own_data_folder / "sync").mkdir()
    for writer, offset, error in (("1" * 32, 400, "the server is away"), ("3" * 32, 700, "")):
        note = {"offset": offset, "url": "", "entity": "", "error": error, "updated": 1.0, "base_url": None}
        (own_data_folder / "sync" / f"{writer}.json").write_text(json.dumps(note))
    told = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)
    assert told["unsent"] == [
        {
            "project": "digits",
            "run_id": "aaaa",
            "folder": str(own_data_folder / "runs/digits/20250102-101500-aaaa"),
            "unsent_bytes": 1100,
            "total_bytes": 1500,
            "error": "the server is away",
        }
    ]
    text = CliRunner().invoke(app, ["status"]).stdout
    assert "1.1 kB" in text
    assert "runlore sync --all" in text


def test_server_that_is_away_is_told_with_its_reason(own_data_folder: Path) -> None:
    (own_data_folder / "credentials.json").write_text(
        json.dumps({"default": "http://127.0.0.1:9", "http://127.0.0.1:9": {"api_key": "k" * 48}})
    )
    done = CliRunner().invoke(app, ["status"])
    assert done.exit_code == 0
    assert "cannot reach http://127.0.0.1:9" in done.stdout
    assert "k" * 48 not in done.stdout
