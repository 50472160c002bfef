"""A few of the rounds that ``benchmarks/crash.py`` does by the hundred."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from harness.crash_rounds import KINDS, count_rows, run_round

if TYPE_CHECKING:
    from harness.live_server import Server


@pytest.mark.parametrize("kind", KINDS)
def test_killed_process_loses_no_acknowledged_row(own_server: Server, kind: str) -> None:
    rng = random.Random(kind)
    for number in range(2):
        outcome = run_round(kind, own_server, rng, project="crash")
        assert outcome.is_good, f"round {number}: {outcome}"
        assert outcome.acknowledged > 0


def test_both_killed_and_nobody_left_is_noticed_by_the_server(own_server: Server) -> None:
    outcome = run_round("both", own_server, random.Random(1), project="silence", is_patient=True)
    assert outcome.is_good, outcome


def test_counting_of_rows_finds_what_is_missing_and_what_nobody_logged(own_server: Server) -> None:
    outcome = run_round("recorder", own_server, random.Random(2), project="counted")
    known = (own_server, "counted", outcome.run_id)
    assert count_rows(*known, outcome.acknowledged, is_exact=True) == (0, 0, 0)
    assert count_rows(*known, outcome.acknowledged + 3, is_exact=True) == (3, 0, 0)
    assert count_rows(*known, outcome.acknowledged - 3, is_exact=True) == (0, 0, 3)
