"""The behaviours that programs written for W&B rely on: one test for each contract of the feature map that the SDK has."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.sdk.reading import journals_of, only_journal, run_script

import runlore
import runlore as wandb
from runlore.protocol.records import Config, Metric, Summary
from runlore.sdk import process, resume


def test_contract_1_log_raises_for_a_non_mapping_and_a_non_string_key_and_for_nothing_else(
    runs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with runlore.init(project="p") as run:
        with pytest.raises(TypeError, match="list"):
            run.log([1])  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="3"):
            run.log({3: 1})  # type: ignore[dict-item]
        with pytest.raises(TypeError, match="None"):
            run.log({"a": 1, None: 2})  # type: ignore[dict-item]
        run.log({"good": 1, "bad": object()})
        run.log({"good": 2}, step="x")  # type: ignore[arg-type]
        assert run.step == 2
    assert only_journal(runs).column("good") == [(0, 1), (1, 2)]
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert "'bad'" in caplog.text
    assert "'x'" in caplog.text


def test_contract_2_an_empty_log_commits_the_pending_step(runs: Path) -> None:
    with runlore.init(project="p") as run:
        run.log({"a": 1}, commit=False)
        run.log({"b": 2}, commit=False)
        assert run.step == 0
        run.log({})
        assert run.step == 1
        run.log({"a": 3})
    journal = only_journal(runs)
    assert journal.column("a") == [(0, 1), (1, 3)]
    assert journal.column("b") == [(0, 2)]


def test_contract_3_init_while_a_run_is_active_follows_the_reinit_policy() -> None:
    first = runlore.init(project="p")
    assert runlore.init(project="other") is first
    assert runlore.init(reinit="return_previous") is first
    assert runlore.init(reinit=False) is first

    other = runlore.init(project="p", reinit="create_new")
    assert other is not first
    assert runlore.run is first, "create_new leaves the current run alone"
    first.log({"a": 1})
    other.log({"a": 1})

    third = runlore.init(project="p", reinit="finish_previous")
    assert third not in {first, other}
    assert runlore.run is third
    with pytest.raises(runlore.UsageError, match="finished"):
        first.log({"a": 1})
    with pytest.raises(runlore.UsageError, match="finished"):
        other.log({"a": 1})


def test_contract_3_init_in_a_notebook_finishes_the_previous_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "is_notebook", lambda: True)
    first = runlore.init(project="p")
    second = runlore.init(project="p")
    assert second is not first
    with pytest.raises(runlore.UsageError):
        first.log({"a": 1})


def test_contract_4_resume_must_while_another_run_is_active_is_an_error() -> None:
    runlore.init(project="p", id="one")
    with pytest.raises(runlore.UsageError, match="another one is active"):
        runlore.init(project="p", id="two", resume="must")


def test_contract_4_resume_is_honoured_offline(runs: Path) -> None:
    with runlore.init(project="p", id="x", mode="offline", config={"lr": 1}) as run:
        for _ in range(5):
            run.log({"loss": 1.0})
    with runlore.init(project="p", id="x", mode="offline", resume="must") as run:
        assert run.resumed
        assert run.starting_step == run.step == 5
        assert run.config["lr"] == 1
        assert run.summary["loss"] == 1.0
        run.log({"loss": 2.0})
    assert [journal.column("loss") for journal in journals_of(runs)] == [[(step, 1.0) for step in range(5)], [(5, 2.0)]]


def test_contract_5_changing_a_config_key_raises_unless_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    with runlore.init(project="p", config={"lr": 0.1, "model": {"depth": 2}}) as run:
        run.config.update({"lr": 0.1})  # the same value is no change
        for change in (
            lambda: run.config.update({"lr": 0.2}),
            lambda: run.config.__setitem__("lr", 0.2),
            lambda: setattr(run.config, "lr", 0.2),
            lambda: run.config["model"].__setitem__("depth", 3),
        ):
            with pytest.raises(runlore.ConfigLocked, match="allow_val_change"):
                change()
        assert run.config["lr"] == 0.1
        run.config.update({"lr": 0.2}, allow_val_change=True)
        assert run.config.lr == 0.2
        monkeypatch.setattr("runlore.sdk.config.is_notebook", lambda: True)
        run.config.lr = 0.3
        assert run.config["lr"] == 0.3
    with runlore.init(project="p", config={"lr": 0.1}, allow_val_change=True) as run:
        run.config.lr = 0.2
        assert run.config["lr"] == 0.2


def test_contract_7_step_never_goes_down_when_points_are_written_out_of_order(runs: Path) -> None:
    with runlore.init(project="p") as run:
        seen = []
        for step in (5, 3, 10, 1, None, 2):
            run.log({"a": step or -1}, step=step)
            seen.append(run.step)
        assert seen == [5, 5, 10, 10, 11, 11]
        run.log({"a": 0}, step=4, commit=True)
        assert run.step == 11
    assert [step for step, _ in only_journal(runs).column("a")] == [5, 3, 10, 1, 10, 2, 4]


def test_contract_8_module_names_before_init_and_after_finish() -> None:
    def check() -> None:
        assert runlore.run is None
        for use in (
            lambda: runlore.log({"a": 1}),
            lambda: runlore.define_metric("a"),
            lambda: runlore.config.x,
            lambda: runlore.config["x"],
            lambda: setattr(runlore.config, "x", 1),
            lambda: "x" in runlore.config,
            lambda: dict(runlore.config),
            lambda: list(runlore.summary),
            lambda: runlore.summary["x"],
            lambda: runlore.summary.update({"x": 1}),
        ):
            with pytest.raises(runlore.Error, match=r"before runlore\.init"):
                use()
        runlore.finish()

    check()
    run = runlore.init(project="p", config={"x": 1})
    assert runlore.run is run
    assert runlore.config is run.config
    assert runlore.summary is run.summary
    assert runlore.config.x == 1
    runlore.log({"a": 2})
    assert runlore.summary["a"] == 2
    runlore.finish()
    check()


def test_contract_9_a_disabled_run_has_the_whole_surface_and_makes_no_file(own_data_folder: Path) -> None:
    before = set(own_data_folder.rglob("*"))
    with runlore.init(project="p", mode="disabled", config={"lr": 1}, tags="x", name="n", notes="o", group="g") as run:
        run.log({"a": 1, "b": {"c": [1, 2]}, "d": "text"})
        run.log({"a": 2}, step=7, commit=True)
        assert run.step == 8
        assert run.summary["a"] == 2
        run.summary["best"] = 3
        run.config.update({"more": 1})
        run.config.other = 2
        metric = run.define_metric("a", step_metric="d", summary="min")
        assert metric.name == "a"
        run.mark_preempting()
        run.name, run.notes, run.tags = "m", "q", ("y",)
        assert (run.name, run.notes, run.tags, run.group, run.job_type) == ("m", "q", ("y",), "g", "")
        assert run.disabled
        assert not run.offline
        assert not run.resumed
        assert (run.url, run.project_url, run.get_url()) == (None, None, None)
        assert (run.sweep_id, run.sweep_url, run.get_sweep_url()) == (None, None, None)
        assert (run.project, run.entity, run.starting_step) == ("p", "", 0)
        assert run.path == f"p/{run.id}"
        assert isinstance(run.dir, str)
        assert isinstance(run.sync_dir, str)
        assert run.start_time > 0
        assert run.status().sync_items_pending == 0
        assert run.settings.mode == "disabled"
        assert runlore.run is run
    run.finish()
    assert runlore.run is None
    assert set(own_data_folder.rglob("*")) == before


def test_contract_11_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    with runlore.init(project="p", tags="x") as run:
        assert run.tags == ("x",)
    with runlore.init(project="p", tags=["a", "b", "a"]) as run:
        assert run.tags == ("a", "b")
        run.tags += ("c",)
        assert run.tags == ("a", "b", "c")
        with pytest.raises(runlore.UsageError, match="1 to 64"):
            run.tags = ("y" * 65,)
    for wrong in ("", "y" * 65, ["fine", ""]):
        with pytest.raises(runlore.UsageError, match="1 to 64"):
            runlore.init(project="p", tags=wrong)
    monkeypatch.setenv("WANDB_TAGS", "one,two")
    with runlore.init(project="p") as run:
        assert run.tags == ("one", "two")


def test_contract_6_a_summary_rule_decides_what_a_later_log_leaves(runs: Path) -> None:
    with runlore.init(project="p") as run:
        run.define_metric("loss", summary="min")
        run.define_metric("acc", summary="max,last")
        run.define_metric("quiet", summary="none")
        for loss, acc in ((3.0, 1), (1.0, 5), (2.0, 4)):
            run.log({"loss": loss, "acc": acc, "quiet": 1, "plain": loss})
        assert run.summary["loss"] == {"min": 1.0}
        assert run.summary["loss"]["min"] == 1.0
        assert run.summary["acc"] == {"max": 5, "last": 4}
        assert "quiet" not in run.summary
        run.summary["plain"] = 100
        assert run.summary["plain"] == 100, "a manual value after the last log stays"
        run.log({"plain": 7.0})
        assert run.summary["plain"] == 7.0, "without a rule the last value wins over a manual one"
    journal = only_journal(runs)
    assert [record.summary for record in journal.of(Metric)] == [["min"], ["max", "last"], ["none"]]
    assert [record.set for record in journal.of(Summary)] == [{"plain": 100}]


CHILD = """
import multiprocessing, os, sys
import runlore
run = runlore.init(project="p", id="parent"{more})
def child():
    assert runlore.run is {expected}
    {use}
if __name__ == "__main__":
    run.log({{"a": 1}})
    process = multiprocessing.get_context({method!r}).Process(target=child)
    process.start()
    process.join()
    assert process.exitcode == 0
    run.log({{"a": 2}})
    run.finish()
"""


def test_contract_13_a_forked_child_logs_into_the_same_run(runs: Path, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(CHILD.format(more="", expected="run", use="runlore.log({'b': 7}); run.finish()", method="fork"))
    run_script(f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')")
    parent, child = journals_of(runs)
    assert (parent.header.run_id, parent.header.role) == ("parent", "primary")
    assert parent.column("a") == [(0, 1), (1, 2)]
    assert (child.header.run_id, child.header.role) == ("parent", "worker")
    assert child.column("b") == [(1, 7)]
    assert child.exit.state == "finished"
    assert parent.exit.state == "finished"
    assert len({Path(journal.path).parent for journal in (parent, child)}) == 1


def test_contract_13_a_spawned_child_that_runs_the_script_again_joins_the_run(runs: Path, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(CHILD.format(more="", expected="run", use="runlore.log({'b': 7})", method="spawn"))
    subprocess.run([sys.executable, str(script)], check=True, timeout=60, capture_output=True)
    parent, child = journals_of(runs)
    assert {journal.header.run_id for journal in (parent, child)} == {"parent"}
    assert child.header.role == "worker"
    assert [value for _, value in child.column("b")] == [7]
    assert child.exit.state == "finished"
    assert parent.column("a") == [(0, 1), (1, 2)]


def test_contract_13_a_launched_process_with_the_same_id_joins_and_one_without_begins_its_own(
    runs: Path, own_data_folder: Path
) -> None:
    with runlore.init(project="p", id="parent", settings={"x_label": "rank0"}) as run:
        run.log({"a": 1})
        run_script(
            """
            import runlore
            with runlore.init(project="p", id="parent", mode="shared", settings={"x_label": "rank1"}) as run:
                run.log({"b": 1}, step=3)
            """
        )
        run_script("import runlore; runlore.init(project='p').log({'c': 1})")
        run.log({"a": 2})
    by_label = {journal.header.label: journal for journal in journals_of(runs)}
    assert by_label["rank0"].header.role == "primary"
    assert by_label["rank1"].header.role == "worker"
    assert by_label["rank1"].column("b") == [(3, 1)]
    assert Path(by_label["rank1"].path).parent == Path(by_label["rank0"].path).parent
    assert by_label[""].header.run_id != "parent"
    assert by_label[""].header.role == "primary"


ENDINGS = [
    ("pass", 0, "finished", 0, ""),
    ("run.finish()", 0, "finished", 0, ""),
    ("run.finish(exit_code=4)", 0, "failed", 4, ""),
    ("raise ValueError('wrong')", 1, "failed", 1, ""),
    ("with run: raise ValueError('wrong')", 1, "failed", 1, ""),
    ("sys.exit(0)", 0, "finished", 0, ""),
    ("sys.exit(3)", 3, "failed", 3, ""),
    ("sys.exit('gave up')", 1, "failed", 1, ""),
    ("with run: sys.exit(5)", 5, "failed", 5, ""),
    ("os.kill(os.getpid(), signal.SIGINT); time.sleep(5)", -2, "killed", 130, "SIGINT"),
    ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(5)", -15, "killed", 143, "SIGTERM"),
    ("os.kill(os.getpid(), signal.SIGHUP); time.sleep(5)", -1, "killed", 129, "SIGHUP"),
    ("run.mark_preempting(); os.kill(os.getpid(), signal.SIGTERM); time.sleep(5)", -15, "preempted", 143, "SIGTERM"),
    ("run.mark_preempting()", 0, "finished", 0, ""),
    ("os._exit(0)", 0, None, None, None),
    ("os.kill(os.getpid(), signal.SIGKILL)", -9, None, None, None),
]


@pytest.mark.parametrize(("ending", "code", "state", "exit_code", "signal_name"), ENDINGS)
def test_contract_14_every_exit_path_has_one_final_state(
    runs: Path, ending: str, code: int, state: str | None, exit_code: int | None, signal_name: str | None
) -> None:
    run_script(
        "import os, signal, sys, time, runlore\n"
        "run = runlore.init(project='p')\n"
        "for i in range(20): run.log({'a': i})\n" + ending,
        expected=code,
    )
    journal = only_journal(runs)
    assert [value for _, value in journal.column("a")] == list(range(20))
    if state is None:
        assert not [record for record in journal.records if type(record).__name__ == "Exit"], "the recorder notices"
    else:
        assert (journal.exit.state, journal.exit.exit_code, journal.exit.signal) == (state, exit_code, signal_name)


def test_contract_15_auto_resume_keeps_the_run_id_in_a_small_file(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    run = runlore.init(project="p", resume="auto")
    file = resume.auto_file(run.settings)
    assert json.loads(file.read_text()) == {"run_id": run.id}
    assert runs in file.parents
    run.log({"a": 1})
    run.finish(exit_code=1)
    assert file.exists(), "a run that failed is to be resumed"

    again = runlore.init(project="p", resume=True)
    assert again.id == run.id
    assert again.resumed
    assert again.step == 1
    again.finish()
    assert not file.exists(), "a run that finished is not"

    file.write_text("{ no json")
    third = runlore.init(project="p", resume="auto")
    assert third.id != run.id
    assert not third.resumed
    assert "a new run begins" in caplog.text
    third.finish()


def test_contract_15_an_id_that_is_given_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    runlore.init(project="p", id="first", resume="auto").finish(exit_code=1)
    run = runlore.init(project="p", id="second", resume="auto")
    assert run.id == "second"
    assert "first" in caplog.text


def test_module_can_be_imported_under_another_name() -> None:
    with wandb.init(
        project="p", config={"epochs": 2}, settings=wandb.Settings(start_method="fork", _disable_stats=True)
    ) as run:
        wandb.define_metric("epoch")
        wandb.define_metric("val/*", step_metric="epoch")
        for epoch in range(wandb.config.epochs):
            wandb.log({"loss": 0.1}, commit=False)
            wandb.log({"val/acc": 0.5, "epoch": epoch})
        wandb.summary["best"] = 1
        wandb.run.summary.update({"more": 2})  # type: ignore[union-attr]
        assert wandb.run is run
    assert isinstance(wandb.__version__, str)
    with pytest.raises(AttributeError, match="not available in this version"):
        wandb.Image  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute"):
        wandb.nonsense  # noqa: B018


def test_records_of_config_are_written_as_they_change(runs: Path) -> None:
    with runlore.init(project="p", config={"a": 1}) as run:
        run.config["b"] = 2
        del run.config["a"]
    changes: list[tuple[dict[str, Any], list[str]]] = [
        (record.set, record.remove) for record in only_journal(runs).of(Config)
    ]
    assert changes == [({"a": 1}, []), ({"b": 2}, []), ({}, ["a"])]
