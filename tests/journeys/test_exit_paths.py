"""Every way a training can end has one final state (``docs/design/durability.md`` has the same table)."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from harness.scripts import run_script, start_script

if TYPE_CHECKING:
    from harness.live_server import Server

BEGIN = """
import os, signal, sys, time
import runlore
run = runlore.init(project="exits", id=sys.argv[1])
for step in range(50):
    run.log({"step": step})
"""


@pytest.mark.parametrize(
    ("name", "ending", "code", "state", "exit_code"),
    [
        ("return", "pass", 0, "finished", 0),
        ("finish", "run.finish()", 0, "finished", 0),
        ("finish-with-code", "run.finish(exit_code=4)", 0, "failed", 4),
        ("with-block", "with run:\n    pass", 0, "finished", 0),
        ("exception", "raise ValueError('wrong')", 1, "failed", 1),
        ("exception-in-block", "with run:\n    raise ValueError('wrong')", 1, "failed", 1),
        (
            "exception-caught-outside",
            "try:\n    with run:\n        raise ValueError('wrong')\nexcept ValueError:\n    pass",
            0,
            "failed",
            1,
        ),
        ("sys-exit-0", "sys.exit(0)", 0, "finished", 0),
        ("sys-exit-none", "sys.exit()", 0, "finished", 0),
        ("sys-exit-3", "sys.exit(3)", 3, "failed", 3),
        ("sys-exit-text", "sys.exit('gave up')", 1, "failed", 1),
        ("sys-exit-in-block", "with run:\n    sys.exit(5)", 5, "failed", 5),
        ("keyboard-interrupt", "raise KeyboardInterrupt", -signal.SIGINT, "killed", None),
        ("os-exit", "os._exit(0)", 0, "crashed", None),
        ("os-exit-7", "os._exit(7)", 7, "crashed", None),
        ("abort", "os.abort()", -signal.SIGABRT, "crashed", None),
    ],
)
def test_end_of_a_training_gives_its_documented_state(
    server: Server, name: str, ending: str, code: int, state: str, exit_code: int | None
) -> None:
    run_script(server.home, BEGIN + ending, name, expected=code)
    detail = server.wait_run("exits", name, lambda seen: seen.run.state != "running", timeout_s=20, what="its end")
    detail = server.wait_run("exits", name, lambda seen: seen.run.rows == 50, timeout_s=10, what="its rows")
    assert detail.run.state == state
    if exit_code is not None:
        assert detail.run.exit_code == exit_code


@pytest.mark.parametrize(
    ("number", "state"),
    [
        (signal.SIGINT, "killed"),
        (signal.SIGTERM, "killed"),
        (signal.SIGHUP, "killed"),
        (signal.SIGKILL, "crashed"),
        (signal.SIGSEGV, "crashed"),
    ],
)
def test_signal_gives_its_documented_state(server: Server, number: signal.Signals, state: str) -> None:
    trainer = start_script(
        server.home, BEGIN + "print('ready', flush=True)\nwhile True: time.sleep(0.01)", number.name.lower()
    )
    assert trainer.stdout is not None
    while "ready" not in trainer.stdout.readline():
        pass
    trainer.send_signal(number)
    _, errors = trainer.communicate(timeout=60)
    assert trainer.returncode == -number, errors
    name = number.name.lower()
    detail = server.wait_run("exits", name, lambda seen: seen.run.state != "running", timeout_s=20, what="its end")
    detail = server.wait_run("exits", name, lambda seen: seen.run.rows == 50, timeout_s=10, what="its rows")
    assert detail.run.state == state
    assert detail.run.state_reason


def test_handler_of_the_script_is_still_called(server: Server) -> None:
    done = run_script(
        server.home,
        """
        import os, signal, sys, time

        def mine(number, frame):
            print("mine was called", flush=True)
            sys.exit(9)

        signal.signal(signal.SIGTERM, mine)
        import runlore
        run = runlore.init(project="exits", id="own-handler")
        run.log({"a": 1})
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)
        """,
        expected=9,
    )
    assert "mine was called" in done.stdout
    detail = server.wait_run("exits", "own-handler", lambda seen: seen.run.state != "running", timeout_s=20, what="it")
    assert (detail.run.state, detail.run.exit_code) == ("failed", 9)


def test_preempted_training_says_so(server: Server) -> None:
    run_script(
        server.home,
        BEGIN + "run.mark_preempting()\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(10)",
        "preempted",
        expected=-signal.SIGTERM,
    )
    detail = server.wait_run(
        "exits", "preempted", lambda seen: seen.run.state == "preempted", timeout_s=20, what="state preempted"
    )
    assert detail.run.rows == 50
