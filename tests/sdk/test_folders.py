from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from runlore import folders
from runlore.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_data_folder_is_made_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLORE_DIR", str(tmp_path / "a" / "b"))
    assert folders.data_folder() == tmp_path / "a" / "b"
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    assert stat.S_IMODE(folders.active_folder().stat().st_mode) == 0o700


def test_data_folder_is_made_again_when_it_went_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLORE_DIR", str(tmp_path / "a"))
    folders.data_folder().rmdir()
    assert folders.data_folder().is_dir()


def test_relative_data_folder_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNLORE_DIR", "here")
    assert folders.data_folder() == tmp_path / "here"


def test_an_unusable_data_folder_gives_way_to_the_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("RUNLORE_DIR", str(tmp_path / "file" / "x"))
    assert folders.data_folder().parent == tmp_path / "tmp"
    assert folders.data_folder().name.startswith("runlore-")
    assert len(caplog.records) == 1
    assert "RUNLORE_DIR" in caplog.text


def test_without_any_usable_folder_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    monkeypatch.setenv("RUNLORE_DIR", str(tmp_path / "file" / "y"))
    with pytest.raises(UsageError, match="RUNLORE_DIR"):
        folders.data_folder()


def test_run_folder_bears_time_and_id(tmp_path: Path) -> None:
    folder = folders.run_folder("p", "abc", 1_600_000_000, tmp_path)
    assert folder.parent == tmp_path / "runs" / "p"
    assert folder.name.startswith("202009")
    assert folder.name.endswith("-abc")


def test_private_files_are_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    folders.write_private(path, b"one")
    folders.write_private(path, b"two")
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError, match=r"a\.json"):
        folders.write_private(path / "below", b"")


def test_host_name_is_safe_in_a_file_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "bad/host näme")
    assert folders.host_name() == "bad_host_n_me"
