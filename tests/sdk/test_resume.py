from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import pytest
from tests.sdk.reading import journals_of, run_script

import runlore
from runlore.protocol.records import Run as RunRecord
from runlore.sdk import past

if TYPE_CHECKING:
    from pathlib import Path


def test_everything_of_the_earlier_run_goes_on(runs: Path) -> None:
    with runlore.init(
        project="p", id="x", name="n", notes="o", tags=["t"], group="g", config={"lr": 0.1, "m": {"d": 1}}
    ) as run:
        run.define_metric("best", summary="min,mean")
        run.define_metric("val", step_metric="epoch")
        for step in range(4):
            run.log({"loss": float(step), "best": 10.0 - step, "text": "t"})
        run.log({"epoch": 3})
        run.summary["manual"] = 5
        run.config.lr2 = 0.2
        del run.config["m"]
        run.name = "renamed"
        run.log({"late": 1}, step=2)
        time.sleep(0.05)
    with runlore.init(project="p", id="x", resume="allow", config={"lr": 0.5}, tags=["new"]) as run:
        assert run.resumed
        assert (run.starting_step, run.step) == (5, 5)
        assert (run.name, run.notes, run.tags, run.group) == ("renamed", "o", ("new",), "g")
        assert run.config.as_dict() == {"lr": 0.5, "lr2": 0.2}
        assert run.summary["loss"] == 3.0
        assert run.summary["manual"] == 5
        assert run.summary["text"] == "t"
        run.log({"best": 20.0, "val": 1})
        assert run.summary["best"] == {"min": 7.0, "mean": (10 + 9 + 8 + 7 + 20) / 5}
        assert run.summary["_runtime"] >= 0.05
    first, second = journals_of(runs)
    assert second.header.resume == "allow"
    assert second.header.starting_step == 5
    assert second.header.runtime_s >= 0.05
    assert second.rows[0].values == {"best": 20.0, "val": 1, "epoch": 3}
    assert second.of(RunRecord) == [RunRecord(tags=["new"])]
    assert second.config == {"lr": 0.5}
    assert first.path.rpartition("/")[0] == second.path.rpartition("/")[0]


def test_a_killed_run_goes_on_after_its_last_row(runs: Path) -> None:
    run_script(
        """
        import os, runlore
        run = runlore.init(project="p", id="x")
        for step in range(100):
            run.log({"a": step})
        os.kill(os.getpid(), 9)
        """,
        expected=-9,
    )
    (path,) = runs.rglob("*.rlj")
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 5)  # and the last frame is torn
    with runlore.init(project="p", id="x", resume="must") as run:
        assert run.step == 99


def test_summary_of_the_past_is_in_the_order_of_the_rows(tmp_path: Path) -> None:
    with runlore.init(project="p", id="x", dir=tmp_path) as run:
        run.log({"a": 1, "b": 1})
        run.log({"a": 2})
        run.log({"a": "text"})
        run.log({"a": 3, "b": 3})
        run.log({"a": 4})
        run.summary["b"] = 9
        run.log({"c": math.nan})
        expected = run.summary.as_dict()
    found = past.read(past.directories_of("p", "x", [tmp_path]))
    assert found is not None
    assert {name: repr(value) for name, value in found.summary.items()} == {
        name: repr(value) for name, value in expected.items() if not name.startswith("_")
    }
    assert found.last_step == 5


def test_a_damaged_journal_gives_what_it_can(tmp_path: Path) -> None:
    with runlore.init(project="p", id="x", dir=tmp_path) as run:
        for step in range(50):
            run.log({"a": step})
    (path,) = tmp_path.rglob("*.rlj")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    found = past.read([path.parent])
    assert found is not None
    assert found.last_step == 49


def test_must_without_such_a_run_and_never_with_one() -> None:
    with pytest.raises(runlore.UsageError, match="there is no such run"):
        runlore.init(project="p", id="x", resume="must")
    with pytest.raises(runlore.UsageError, match="no id"):
        runlore.init(project="p", resume="must")
    with runlore.init(project="p", id="x", resume="never") as run:
        run.log({"a": 1})
    with pytest.raises(runlore.UsageError, match="exists already"):
        runlore.init(project="p", id="x", resume="never")
    with pytest.raises(runlore.UsageError, match="there is no such run"):
        runlore.init(project="other", id="x", resume="must")


def test_allow_without_such_a_run_begins_one() -> None:
    with runlore.init(project="p", id="x", resume="allow") as run:
        assert not run.resumed
        assert run.step == 0


def test_a_name_that_only_ends_like_the_id_is_another_run(runs: Path) -> None:
    with runlore.init(project="p", id="big-x") as run:
        run.log({"a": 1})
    with runlore.init(project="p", id="x", resume="allow") as run:
        assert not run.resumed


def test_an_unreachable_server_stops_must_and_never_but_not_allow(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("RUNLORE_RECORDER", "auto")
    monkeypatch.setattr("runlore.sdk.recorder_link.ensure", lambda **_: None)
    server = {"base_url": "http://127.0.0.1:9", "init_timeout": 2, "finish_timeout": 0.1, "api_key": "k"}
    for mode in ("must", "never"):
        with pytest.raises(runlore.CommError, match="127"):
            runlore.init(project="p", id="x", resume=mode, settings=server)
    with runlore.init(project="p", id="x", resume="allow", settings=server) as run:
        run.log({"a": 1})
    assert "begins at step 0 and is kept locally" in caplog.text
    with runlore.init(project="p", id="x", resume="must", settings=server) as run:
        assert run.step == 1, "the local journal is enough"


def test_an_id_used_again_without_resume_is_told(runs: Path, caplog: pytest.LogCaptureFixture) -> None:
    runlore.init(project="p", id="x").finish()
    assert "exists already" not in caplog.text
    runlore.init(project="p", id="x").finish()
    assert "run 'x' of project 'p' exists already" in caplog.text
    caplog.clear()
    runlore.init(project="p", id="x", resume="allow").finish()
    runlore.init(project="other", id="x").finish()
    assert "exists already" not in caplog.text
