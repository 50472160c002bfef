"""The plain way: train, and see it; with a server, before there is one, offline, and as a script for another library."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
from harness.live_server import end_processes, running_server, wait_for
from harness.scripts import run_command, run_script, start_script

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from harness.live_server import Server

TRAINING = """
    import math, sys
    import runlore

    with runlore.init(project=sys.argv[1], id=sys.argv[2], mode=sys.argv[3], name="first light",
                      config={"lr": 0.01, "model": {"depth": 3}}, tags=["a", "b"], notes="two\\nlines") as run:
        run.define_metric("val/loss", summary="min", step_metric="epoch")
        for step in range(300):
            run.log({"loss": 1 / (step + 1), "nested": {"acc": step / 300}})
            if step % 100 == 0:
                run.log({"epoch": step // 100, "val/loss": abs(150 - step) / 100})
        run.log({"odd": math.nan, "word": "done", "big": 2**60 + 1, "minus": -math.inf})
        run.summary["verdict"] = "good"
        print("the training is over")
"""


def check_training(server: Server, project: str, run_id: str) -> None:
    detail = server.wait_run(
        project, run_id, lambda seen: seen.run.state == "finished", timeout_s=15, what="a finished run"
    )
    run = detail.run
    assert (run.name, run.exit_code, run.tags, run.notes) == ("first light", 0, ["a", "b"], "two\nlines")
    assert run.config["lr"] == 0.01
    assert run.config["model"]["depth"] == 3
    assert run.rows == 304
    assert run.last_step == 303
    assert run.lost_rows == 0
    assert run.summary["loss"] == 1 / 300
    assert run.summary["val/loss"] == {"min": 0.5}
    assert run.summary["verdict"] == "good"
    assert run.summary["odd"] == "NaN"

    rows = server.history(project, run_id, ["loss", "nested.acc", "epoch", "val/loss"])
    assert rows.steps.tolist() == list(range(303))
    logged = rows.present["loss"]
    assert rows.columns["loss"][logged].tolist() == [1 / (step + 1) for step in range(300)]
    assert rows.columns["nested.acc"][logged].tolist() == [step / 300 for step in range(300)]
    assert rows.steps[rows.present["epoch"]].tolist() == [1, 102, 203]
    assert rows.columns["val/loss"][rows.present["val/loss"]].tolist() == [1.5, 0.5, 0.5]

    odd = server.history(project, run_id, ["odd", "word", "big", "minus"])
    assert odd.steps.tolist() == [303]
    assert np.isnan(odd.columns["odd"][0])
    assert odd.present["odd"].tolist() == [True]
    assert odd.columns["minus"][0] == -np.inf
    assert odd.objects[0, "word"] == "done"
    assert int(odd.objects[0, "big"]) == 2**60 + 1

    definitions = {metric.name: metric.definition for metric in detail.metrics}
    assert definitions["val/loss"].x == "epoch"
    assert "the training is over" in [line.text for line in server.console(project, run_id)]


def test_training_with_a_server_is_seen_by_it(server: Server) -> None:
    run_script(server.home, TRAINING, "seen", "first", "online")
    check_training(server, "seen", "first")


def test_training_without_a_server_is_shown_by_one_started_later(home: Path) -> None:
    run_script(home, TRAINING, "later", "first", "online")
    end_processes(home)
    with running_server(home) as server:
        run_script(home, "import runlore; runlore.init(project='later').finish()")
        check_training(server, "later", "first")


def test_server_started_while_a_run_lives_shows_it_without_a_restart(home: Path) -> None:
    trainer = start_script(
        home,
        """
        import runlore, time
        with runlore.init(project="p", id="early") as run:
            for step in range(200):
                run.log({"loss": step})
                time.sleep(0.05)
        """,
    )
    with running_server(home) as server:
        server.wait_run("p", "early", lambda seen: seen.run.rows > 0, timeout_s=30, what="rows of the living run")
        assert trainer.poll() is None
        trainer.communicate(timeout=60)
        detail = server.wait_run("p", "early", lambda seen: seen.run.state == "finished", timeout_s=15, what="its end")
    assert detail.run.rows == 200


def test_offline_training_is_shown_after_sync(server: Server) -> None:
    run_script(server.home, TRAINING, "offline", "first", "offline")
    assert server.run("offline", "first") is None
    run_command(server.home, "sync", "--all")
    check_training(server, "offline", "first")


def test_sync_done_twice_changes_nothing(server: Server) -> None:
    run_script(server.home, TRAINING, "twice", "first", "offline")
    run_command(server.home, "sync", "--all")
    run_command(server.home, "sync", "--all")
    check_training(server, "twice", "first")


def test_disabled_run_leaves_no_file_and_no_process(home: Path) -> None:
    before = sorted(path.name for path in home.iterdir())
    run_script(
        home, "import runlore\nrun = runlore.init(project='p', mode='disabled')\nrun.log({'a': 1})\nrun.finish()"
    )
    left = [name for name in sorted(path.name for path in home.iterdir()) if not name.startswith("script-")]
    assert left == before


def test_script_written_for_wandb_runs_with_another_import(server: Server) -> None:
    run_script(
        server.home,
        """
        import random
        import runlore as wandb

        wandb.init(project="guest", id="old-habits", config={"epochs": 3})
        wandb.define_metric("epoch")
        wandb.define_metric("val_*", step_metric="epoch")
        for epoch in range(wandb.config.epochs):
            for batch in range(10):
                wandb.log({"loss": random.random()}, commit=False)
                wandb.log({"batch": batch})
            wandb.log({"epoch": epoch, "val_accuracy": epoch / 3})
        wandb.summary["best"] = 2 / 3
        wandb.run.tags = wandb.run.tags + ("late",)
        wandb.finish()
        assert wandb.run is None
        """,
    )
    detail = server.wait_run("guest", "old-habits", lambda seen: seen.run.state == "finished", timeout_s=15, what="it")
    assert detail.run.last_step == 32
    assert detail.run.tags == ["late"]
    assert detail.run.summary["best"] == 2 / 3
    rows = server.history("guest", "old-habits", ["loss", "batch"])
    assert len(rows.steps) == 30
    assert rows.present["loss"].all()


def test_logged_point_is_soon_queryable(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    trainer = start_script(
        server.home,
        """
        import runlore, time
        with runlore.init(project="latency", id="clock") as run:
            for _ in range(15):
                run.log({"logged_at": time.time()})
                time.sleep(0.2)
        """,
    )
    try:
        wait_for(lambda: server.run("latency", "clock"), timeout_s=20, what="the run")
        waits: list[float] = []
        while len(waits) < 15 and trainer.poll() is None:
            meta, arrays = server.series("latency", "clock", "logged_at")
            seen = arrays["0.y"].tolist() if meta["lines"] else []
            waits.extend(time.time() - logged for logged in seen[len(waits) :])
            time.sleep(0.02)
    finally:
        trainer.communicate(timeout=60)
    with capsys.disabled():
        sys.stdout.write(f"\nlog to query: {json.dumps([round(wait, 2) for wait in waits])} s, goal 2 s\n")
    assert len(waits) >= 5
