from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.sdk.reading import only_journal, run_script

import runlore
from runlore.sdk import guard, rows

if TYPE_CHECKING:
    from pathlib import Path


def test_a_fault_of_ours_is_told_once_and_does_not_reach_the_training(
    runs: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("RUNLORE_STRICT")

    def broken(_: object) -> str:
        raise ZeroDivisionError("a fault of ours")

    with runlore.init(project="p") as run:
        with monkeypatch.context() as patched:
            patched.setattr(rows, "_checked_name", broken)
            for _ in range(3):
                run.log({"a": 1})
        run.log({"a": 2})
    assert [value for _, value in only_journal(runs).column("a")] == [2]
    assert caplog.text.count("a fault of ours") == 1
    assert "not affected" in caplog.text


def test_a_fault_is_raised_again_under_strict() -> None:
    with pytest.raises(ZeroDivisionError), guard.guarded("divide"):
        raise ZeroDivisionError


def test_a_warning_is_told_once_a_kind(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        guard.warn_once("value x", "about %s", "x")
        guard.warn_once("value y", "about %s", "y")
    assert [record.getMessage() for record in caplog.records] == ["about x", "about y"]
    guard.forget("value ")
    guard.warn_once("value x", "about %s", "x")
    assert len(caplog.records) == 3


def test_a_warning_says_who_speaks_where_logging_is_not_set_up() -> None:
    done = run_script("import runlore\nrunlore.init(project='p').log({'bad': object()})")
    assert "runlore: cannot record 'bad'" in done.stderr
    done = run_script(
        "import logging, runlore\nlogging.basicConfig()\nrunlore.init(project='p').log({'bad': object()})"
    )
    assert "WARNING:runlore:cannot record 'bad'" in done.stderr
