from __future__ import annotations

import json
import os
import stat
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from tests.sdk.reading import only_journal, read_journal, run_script

import runlore
from runlore import credentials, folders
from runlore.protocol.records import Metadata
from runlore.protocol.records import Run as RunRecord
from runlore.sdk import process
from runlore.sdk.version import VERSION


def test_header_and_metadata_say_what_the_run_is(runs: Path) -> None:
    with runlore.init(
        entity="team",
        project="p",
        id="abc",
        name="n",
        notes="two\nlines",
        tags=["a"],
        group="g",
        job_type="train",
        settings={"x_label": "rank0"},
    ) as run:
        assert (run.id, run.name, run.notes, run.tags, run.group, run.job_type) == (
            "abc",
            "n",
            "two\nlines",
            ("a",),
            "g",
            "train",
        )
        assert run.path == "team/p/abc"
        assert Path(run.dir).is_dir()
        assert Path(run.dir).parent == Path(run.sync_dir)
    journal = only_journal(runs)
    header = journal.header
    assert (header.entity, header.project, header.run_id, header.name) == ("team", "p", "abc", "n")
    assert (header.notes, header.tags, header.group, header.job_type) == ("two\nlines", ["a"], "g", "train")
    assert (header.label, header.role, header.resume, header.starting_step) == ("rank0", "primary", "", 0)
    assert (header.pid, header.version) == (os.getpid(), VERSION)
    assert header.pid_start == pytest.approx(process.process_start(), abs=0.02)
    (metadata,) = journal.of(Metadata)
    assert metadata.values["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"os", "host", "cpu_count", "program", "args", "cwd", "runlore", "started_at"} <= set(metadata.values)
    assert Path(journal.path).parent.name.endswith("-abc")
    assert Path(journal.path).parent.parent == runs / "p"


def test_facts_can_be_left_out(runs: Path) -> None:
    with runlore.init(project="p", settings={"disable_machine_info": True}):
        pass
    (metadata,) = only_journal(runs).of(Metadata)
    assert not {"host", "os", "cpu_count"} & set(metadata.values)
    with runlore.init(project="q", settings={"x_disable_meta": True}):
        pass
    assert only_journal(runs / "q").of(Metadata) == []


def test_an_id_and_a_name_are_made_up() -> None:
    with runlore.init(project="p") as run:
        assert len(run.id) == 8
        assert run.id.isalnum()
        adjective, noun, number = run.name.split("-")
        assert adjective.isalpha()
        assert noun.isalpha()
        assert number == "1"
    with runlore.init(project="p") as second:
        assert second.name.endswith("-2")
        assert second.id != run.id


def test_the_recorder_is_told_where_the_run_goes(own_data_folder: Path) -> None:
    with runlore.init(
        project="p",
        settings={
            "base_url": "http://127.0.0.1:1",
            "api_key": "secret-key",
            "stats_sampling_interval": 0.5,
            "stats_window": 5,
            "stats_disk_paths": ["/", "/tmp"],
            "stats_gpu_device_ids": [1],
        },
    ) as run:
        (path,) = folders.active_folder().iterdir()
        entry = json.loads(path.read_bytes())
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert entry["writer"] == path.stem == Path(entry["journal"]).stem
        assert Path(entry["journal"]).parent == Path(entry["run_dir"]) == Path(run.sync_dir)
        assert (entry["run_id"], entry["project"], entry["entity"], entry["role"]) == (run.id, "p", "", "primary")
        assert (entry["base_url"], entry["api_key"], entry["offline"]) == ("http://127.0.0.1:1", "secret-key", False)
        assert entry["pid"] == os.getpid()
        assert entry["settings"] == {
            "stats_interval_s": 0.5,
            "stats_window_s": 5.0,
            "stats_disabled": False,
            "gpu_ids": [1],
            "disk_paths": ["/", "/tmp"],
            "finish_timeout_s": 30.0,
            "insecure_disable_ssl": False,
            "extra_http_headers": {},
        }
        assert own_data_folder in path.parents


def test_without_a_server_the_run_waits_for_the_local_one() -> None:
    with runlore.init(project="p"):
        (path,) = folders.active_folder().iterdir()
        assert json.loads(path.read_bytes())["base_url"] is None


def test_the_server_of_the_last_login_is_the_default() -> None:
    credentials.save("http://127.0.0.1:1", "its-key")
    with runlore.init(project="p"):
        (path,) = folders.active_folder().iterdir()
        entry = json.loads(path.read_bytes())
        assert (entry["base_url"], entry["api_key"]) == ("http://127.0.0.1:1", "its-key")


def test_offline_runs_are_marked_and_never_shipped() -> None:
    with runlore.init(project="p", mode="offline") as run:
        (path,) = folders.active_folder().iterdir()
        assert json.loads(path.read_bytes())["offline"] is True
        assert run.offline
        assert run.url is None


def test_dir_puts_the_run_elsewhere(tmp_path: Path, runs: Path) -> None:
    with runlore.init(project="p", dir=tmp_path / "here") as run:
        assert Path(run.sync_dir).parent == tmp_path / "here" / "runs" / "p"
    assert not runs.exists()
    assert only_journal(tmp_path / "here").exit.state == "finished"


def test_a_folder_that_cannot_be_made_gives_way_to_the_data_folder(
    tmp_path: Path, runs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    with runlore.init(project="p", dir=tmp_path / "file") as run:
        assert Path(run.sync_dir).parent == runs / "p"
    assert "cannot keep run" in caplog.text


def test_a_run_that_cannot_be_kept_anywhere_is_an_error(own_data_folder: Path) -> None:
    (own_data_folder / "runs").write_text("in the way")
    with pytest.raises(runlore.JournalError, match="RUNLORE_DIR"):
        runlore.init(project="p")
    assert runlore.run is None


@pytest.mark.parametrize("name", ["fork_from", "resume_from"])
def test_what_is_not_there_yet_is_refused(name: str) -> None:
    with pytest.raises(runlore.UsageError, match=name):
        runlore.init(project="p", **{name: "abc?_step=3"})  # type: ignore[arg-type]


def test_changes_of_the_runs_own_fields_are_recorded(runs: Path) -> None:
    with runlore.init(project="p", name="n") as run:
        run.name = "m"
        run.notes = "o"
        run.tags = ("a", "b")
        run.mark_preempting()
    assert only_journal(runs).of(RunRecord) == [
        RunRecord(name="m"),
        RunRecord(notes="o"),
        RunRecord(tags=["a", "b"]),
        RunRecord(state="preempting"),
    ]


def test_several_runs_at_once_are_independent(runs: Path) -> None:
    made = [runlore.init(project="p", id=f"r{index}", reinit="create_new") for index in range(3)]
    for step in range(3):
        for index, run in enumerate(made):
            run.log({"a": 10 * index + step})
            run.config.update({"index": index})
    for run in made:
        run.finish()
    for path in runs.rglob("*.rlj"):
        journal = read_journal(path)
        index = int(journal.header.run_id[1:])
        assert [value for _, value in journal.column("a")] == [10 * index + step for step in range(3)]
        assert journal.config == {"index": index}


def test_init_and_log_need_neither_network_nor_heavy_packages() -> None:
    run_script(
        """
        import sys
        import runlore
        with runlore.init(project="p", config={"a": 1}) as run:
            run.log({"a": 1.0, "b": {"c": 2}})
        heavy = {"numpy", "yaml", "rich", "urllib3", "psutil", "platformdirs", "asyncio", "tenacity", "zstandard", "subprocess"}
        assert not heavy & set(sys.modules), heavy & set(sys.modules)
        """
    )


def test_import_alone_brings_little() -> None:
    run_script(
        """
        import sys
        import runlore
        assert not {"importlib.metadata", "socket.create_connection", "subprocess", "tempfile", "urllib.request"} & set(sys.modules)
        """
    )


def test_version_is_that_of_the_package() -> None:
    assert version("runlore") == VERSION == runlore.__version__


def test_two_processes_may_write_to_one_run_by_role(runs: Path) -> None:
    with runlore.init(project="p", id="many", mode="shared", settings={"x_label": "main", "x_primary": True}) as run:
        run.log({"a": 1})
    with runlore.init(
        project="p",
        id="many",
        mode="shared",
        settings={"x_label": "side", "x_primary": False, "x_update_finish_state": False},
    ) as run:
        run.log({"b": 1})
    roles = {read_journal(path).header.label: read_journal(path).header.role for path in runs.rglob("*.rlj")}
    assert roles == {"main": "primary", "side": "worker"}
