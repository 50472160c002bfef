# ruff: noqa: T201 - what is printed is what is tested
from __future__ import annotations

import contextlib
import io
import sys
from typing import TYPE_CHECKING

import pytest
from tests.sdk.reading import Journal, only_journal, run_script

import runlore
from runlore.protocol.records import Console
from runlore.sdk import console

if TYPE_CHECKING:
    from pathlib import Path


def output_of(journal: Journal, stream: str = "stdout") -> str:
    return "".join(record.text for record in journal.of(Console) if record.stream == stream)


def test_output_is_recorded_as_it_was_written(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout.write
    with runlore.init(project="p"):
        print("one")
        print("two", end="\r")
        print("\x1b[1mthree\x1b[0m ünïcode", file=sys.stderr)
    assert sys.stdout.write == before
    print("after")
    journal = only_journal(runs)
    assert output_of(journal) == "one\ntwo\r"
    assert output_of(journal, "stderr") == "\x1b[1mthree\x1b[0m ünïcode\n"
    assert capsys.readouterr().out == "one\ntwo\rafter\n"


def test_our_own_lines_are_not_recorded(runs: Path) -> None:
    with runlore.init(project="p"):
        pass
    assert only_journal(runs).of(Console) == []


@pytest.mark.parametrize("mode", ["auto", "wrap", "redirect"])
def test_modes_that_record(runs: Path, mode: str) -> None:
    with runlore.init(project="p", settings={"console": mode}):
        print("x")
    assert output_of(only_journal(runs)) == "x\n"


def test_off_records_nothing(runs: Path) -> None:
    with runlore.init(project="p", settings={"console": "off"}):
        print("x")
    assert only_journal(runs).of(Console) == []


def test_every_active_run_gets_the_output(runs: Path) -> None:
    first = runlore.init(project="p", id="one", reinit="create_new")
    second = runlore.init(project="q", id="two", reinit="create_new")
    print("both")
    first.finish()
    print("second only")
    second.finish()
    assert output_of(only_journal(runs / "p")) == "both\n"
    assert output_of(only_journal(runs / "q")) == "both\nsecond only\n"


def test_traceback_of_a_failed_block_is_kept(runs: Path) -> None:
    with pytest.raises(ValueError, match="boom"), runlore.init(project="p"):
        raise ValueError("boom")
    journal = only_journal(runs)
    assert "ValueError: boom" in output_of(journal, "stderr")
    assert "Traceback" in output_of(journal, "stderr")
    assert (journal.exit.state, journal.exit.reason) == ("failed", "ValueError: boom")


def test_traceback_of_a_script_is_kept_once(runs: Path) -> None:
    run_script("import runlore\nrunlore.init(project='p')\nprint('start')\nraise ValueError('boom')", expected=1)
    journal = only_journal(runs)
    assert output_of(journal) == "start\n"
    assert output_of(journal, "stderr").count("ValueError: boom") == 1


def test_output_before_a_kill_is_kept(runs: Path) -> None:
    run_script(
        "import os, runlore, time\nrunlore.init(project='p')\nprint('a line')\nos.kill(os.getpid(), 9)", expected=-9
    )
    assert output_of(only_journal(runs)) == "a line\n"


def test_a_stream_that_cannot_be_wrapped_is_left_alone(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Fixed:
        __slots__ = ("seen",)

        def __init__(self) -> None:
            self.seen: list[str] = []

        def write(self, text: str) -> int:
            self.seen.append(text)
            return len(text)

        def flush(self) -> None:
            return

    stream = Fixed()
    monkeypatch.setattr(sys, "stdout", stream)
    with runlore.init(project="p"):
        print("x")
    assert stream.seen == ["x", "\n"]


def test_no_streams_at_all_are_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    with runlore.init(project="p") as run:
        run.log({"a": 1})


def test_a_wrapper_of_somebody_else_stays_in_place(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()

    class Writable(io.StringIO):
        pass

    stream = Writable()
    theirs: list[str] = []
    original = stream.write

    def record(text: str) -> int:
        theirs.append(text)
        return original(text)

    stream.write = record  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdout", stream)
    with runlore.init(project="p", id="one"):
        print("a")
    assert stream.write is record
    with runlore.init(project="q", id="two"):
        ours = stream.write
        stream.write = lambda text: ours(text)  # type: ignore[method-assign]  # noqa: PLW0108 - a wrapper that hides ours
        print("b")
    with runlore.init(project="r", id="three"):
        print("c")
    assert stream.getvalue() == "a\nb\nc\n"
    assert theirs == ["a", "\n", "b", "\n", "c", "\n"]
    assert output_of(only_journal(runs / "r")) == "c\n", "recorded once"


def test_redirected_output_is_the_programs_own_affair(runs: Path) -> None:
    with runlore.init(project="p"), contextlib.redirect_stdout(io.StringIO()) as buffer:
        print("x")
    assert buffer.getvalue() == "x\n"


def test_much_output_is_recorded_in_parts(runs: Path) -> None:
    with runlore.init(project="p"):
        sys.stdout.write("x" * (console.MAX_CHARACTERS * 2 + 5))
        for index in range(1000):
            print(index)
    text = output_of(only_journal(runs))
    assert text == "x" * (console.MAX_CHARACTERS * 2 + 5) + "".join(f"{index}\n" for index in range(1000))
