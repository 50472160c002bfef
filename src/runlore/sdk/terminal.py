"""What a run says in the terminal when it begins and when it ends."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any, Final

from runlore.sdk import console

if TYPE_CHECKING:
    from collections.abc import Iterable

BARS: Final = "▁▂▃▄▅▆▇█"
POINTS: Final = 40
MAX_METRICS: Final = 10
MAX_TEXT: Final = 60
_PREFIX: Final = "runlore: "


def say(lines: Iterable[str]) -> None:
    """Write lines to stderr, past the recording of the run's own output. A closed stream is no fault."""
    write = console.original_write("stderr")
    if write is None:
        return
    text = "".join(f"{_PREFIX}{line}\n" for line in lines)
    try:
        write(text)
        sys.stderr.flush()
    except UnicodeEncodeError:
        write(text.encode("ascii", "replace").decode())
    except (OSError, ValueError):
        return


def sparkline(course: list[float]) -> str:
    """A small picture of finite values as bars; "·" stands for NaN and ±Inf."""
    finite = [value for value in course if math.isfinite(value)]
    if not finite:
        return "·" * len(course)
    low, high = min(finite), max(finite)
    span = high - low
    steps = len(BARS) - 1
    return "".join(
        "·" if not math.isfinite(value) else BARS[round((value - low) / span * steps) if 0 < span < math.inf else 0]
        for value in course
    )


def value_text(value: Any) -> str:
    """A summary value in few characters."""
    if isinstance(value, bool) or not isinstance(value, float | int):
        if isinstance(value, str | list):
            value = value[: MAX_TEXT + 1]  # may be millions
        return _printable(value if isinstance(value, str) else repr(value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def history_block(courses: dict[str, list[float]]) -> list[str]:
    """Lines of the run's history, one a metric."""
    shown = {name: course for name, course in sorted(courses.items()) if len(course) > 1}
    return _table("run history", {name: sparkline(course) for name, course in shown.items()})


def summary_block(summary: dict[str, Any]) -> list[str]:
    """Lines of the run's summary, one a metric."""
    shown = {name: value_text(value) for name, value in sorted(summary.items()) if not name.startswith("_")}
    return _table("run summary", shown)


def _printable(text: str) -> str:
    """On one line, without what a terminal would obey, and not too long."""
    plain = "".join([letter if letter.isprintable() else "�" for letter in text[: MAX_TEXT + 1]])
    return plain if len(plain) <= MAX_TEXT else f"{plain[: MAX_TEXT - 1]}…"


def _table(title: str, rows: dict[str, str]) -> list[str]:
    if not rows:
        return []
    shown = [(_printable(name), _printable(text)) for name, text in list(rows.items())[:MAX_METRICS]]
    width = max(len(name) for name, _ in shown)
    lines = [title, *(f"  {name:>{width}} {text}" for name, text in shown)]
    if len(rows) > MAX_METRICS:
        lines.append(f"  and {len(rows) - MAX_METRICS} more")
    return lines
