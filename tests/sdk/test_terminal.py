from __future__ import annotations

import logging
import math

import pytest

import runlore
from runlore.sdk import guard, terminal


def lines_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("runlore: ")]


def test_a_run_shows_itself_at_start_and_end(capsys: pytest.CaptureFixture[str]) -> None:
    with runlore.init(project="p", name="n") as run:
        begun = capsys.readouterr().err
        for step in range(100):
            run.log({"loss": 100.0 - step, "text": "x"})
    ended = capsys.readouterr().err
    assert "run n" in begun
    assert run.sync_dir in begun
    assert "runlore server" in begun
    assert "█" in next(line for line in lines_of(ended) if "loss" in line)
    assert any(line.split() == ["runlore:", "loss", "1"] for line in lines_of(ended))
    assert run.sync_dir in ended


def test_offline_says_how_to_upload(capsys: pytest.CaptureFixture[str]) -> None:
    with runlore.init(project="p", mode="offline") as run:
        pass
    assert capsys.readouterr().err.count(f"runlore sync {run.sync_dir}") == 2


def test_quiet_says_less_and_silent_nothing(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with runlore.init(project="p", settings={"quiet": True}) as run:
        run.log({"loss": 1.0})
    assert len(lines_of(capsys.readouterr().err)) == 3
    with runlore.init(project="p", settings={"silent": True}) as run:
        run.log({"loss": object()})
    assert capsys.readouterr().err == ""
    assert caplog.text == ""
    with runlore.init(project="p"):
        pass
    assert guard.LOGGER.level == logging.NOTSET


def test_finish_can_be_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    run = runlore.init(project="p")
    run.log({"loss": 1.0})
    capsys.readouterr()
    run.finish(quiet=True)
    assert len(lines_of(capsys.readouterr().err)) == 1


@pytest.mark.parametrize(
    ("course", "picture"),
    [
        ([], ""),
        ([1.0], "▁"),
        ([0.0, 7.0], "▁█"),
        ([5.0, 5.0], "▁▁"),
        ([math.nan, 0.0, math.inf, 1.0], "·▁·█"),
        ([math.nan], "·"),
        ([-1.7e308, 1.7e308], "▁▁"),
    ],
)
def test_sparkline(course: list[float], picture: str) -> None:
    assert terminal.sparkline(course) == picture


def test_only_some_metrics_are_shown() -> None:
    block = terminal.summary_block({f"metric{index:02}": index for index in range(30)} | {"_step": 3})
    assert len(block) == 1 + terminal.MAX_METRICS + 1
    assert block[-1].strip() == "and 20 more"
    assert terminal.value_text("x" * 100) == "x" * 59 + "…"
    assert terminal.value_text(0.123456789) == "0.123457"


def test_names_and_values_stay_on_their_line() -> None:
    block = terminal.summary_block({"a\nb\x1b[2J": "c\nd", "long" * 100: list(range(10**6))})
    assert [len(line.splitlines()) for line in block] == [1, 1, 1]
    assert "\x1b" not in "".join(block)
    assert all(len(line) < 130 for line in block)
