"""The server goes away and comes back; training must not notice."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from harness.scripts import start_script

if TYPE_CHECKING:
    from harness.live_server import Server


def test_server_away_for_a_while_gets_every_row_once_it_is_back(own_server: Server) -> None:
    trainer = start_script(
        own_server.home,
        """
        import runlore, time
        with runlore.init(project="away", id="patient") as run:
            worst = 0.0
            for step in range(400):
                begin = time.perf_counter()
                run.log({"loss": step * 0.25})
                worst = max(worst, time.perf_counter() - begin)
                time.sleep(0.02)
        print("worst", worst)
        """,
    )
    own_server.wait_run("away", "patient", lambda seen: seen.run.rows > 20, timeout_s=30, what="the first rows")
    assert own_server.stop() == 0
    time.sleep(2.5)
    assert trainer.poll() is None, trainer.communicate()
    own_server.start()
    output, errors = trainer.communicate(timeout=90)
    assert trainer.returncode == 0, errors
    detail = own_server.wait_run(
        "away", "patient", lambda seen: seen.run.state == "finished", timeout_s=20, what="its end"
    )
    rows = own_server.history("away", "patient", ["loss"])
    assert detail.run.rows == 400
    assert np.array_equal(rows.steps, np.arange(400))
    assert np.array_equal(rows.columns["loss"], np.arange(400) * 0.25)
    assert "worst" in output


def test_training_that_ends_while_the_server_is_away_arrives_later(own_server: Server) -> None:
    trainer = start_script(
        own_server.home,
        """
        import runlore, sys
        run = runlore.init(project="gone", id="orphan", settings=runlore.Settings(finish_timeout=1))
        run.log({"before": 1})
        sys.stdin.close()
        print("ready", flush=True)
        import time; time.sleep(1.5)
        for step in range(50):
            run.log({"after": step})
        run.finish()
        """,
    )
    assert trainer.stdout is not None
    while "ready" not in trainer.stdout.readline():
        pass
    own_server.kill()
    _, errors = trainer.communicate(timeout=60)
    assert trainer.returncode == 0, errors
    own_server.start()
    detail = own_server.wait_run(
        "gone", "orphan", lambda seen: seen.run.state == "finished", timeout_s=30, what="the late run"
    )
    assert detail.run.rows == 51
