from __future__ import annotations

import gc
import random
import signal
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from tests.sdk.reading import only_journal

import runlore

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 3000
"""Enough for hundreds of interrupts inside ``log``, wherever they fall."""


@pytest.mark.skipif(sys.platform == "win32", reason="no interval timer there")
def test_an_interrupt_within_log_tears_nothing(runs: Path) -> None:
    is_armed = False

    def interrupt(_number: int, _frame: object) -> None:
        if is_armed:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    returned: set[float] = set()
    interrupts = 0
    dice = random.Random(7)
    # Collection runs the callbacks of other tests' libraries, and an interrupt within one of those is none of ours.
    gc.disable()
    try:
        with runlore.init(project="p", settings={"console": "off"}) as run:
            run.define_metric("low", summary="min")
            for number in range(ROWS):
                shapes: tuple[dict[str, object], ...] = (
                    {},
                    {"low": 1.0},
                    {"text": "x", "deep": {"a": 1}},
                    {f"new{number}": 1},
                )
                row = {"i": float(number), **shapes[number % 4]}
                try:
                    is_armed = True
                    signal.setitimer(signal.ITIMER_REAL, dice.uniform(1e-6, 40e-6))
                    run.log(row)
                    is_armed = False
                    returned.add(float(number))
                except KeyboardInterrupt:
                    is_armed = False
                    interrupts += 1
            from_thread = threading.Thread(target=run.log, args=({"after": 1.0},))
            from_thread.start()
            from_thread.join(5)
            assert not from_thread.is_alive()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()
    journal = only_journal(runs)
    found = [value for _, value in journal.column("i")]
    steps = [step for step, _ in journal.column("i")]
    assert interrupts > 0
    assert journal.damaged == 0
    assert returned <= set(found)
    assert len(set(found)) == len(found)
    assert len(set(steps)) == len(steps)
    assert len(journal.column("after")) == 1
