from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runlore.cli import output

if TYPE_CHECKING:
    from _pytest.capture import CaptureFixture


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (20_000_000, "20 MB"), (3_200_000_000_000, "3200 GB")],
)
def test_sizes(size_bytes: int, text: str) -> None:
    assert output.size_text(size_bytes) in {text, text.replace(" B", ".0 B")}


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [
        (0, "0 s"),
        (12.4, "12 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (86_400, "1 d"),
        (90_061, "1 d 1 h"),
    ],
)
def test_durations(duration_s: float, text: str) -> None:
    assert output.duration_text(duration_s) == text


def test_table_is_not_cut_when_it_is_piped(capsys: CaptureFixture[str]) -> None:
    long = "x" * 300
    output.print_table(["name", "value"], [[long, "[red]kept as it is[/red]"]])
    printed = capsys.readouterr().out
    assert long in printed
    assert "[red]kept as it is[/red]" in printed
