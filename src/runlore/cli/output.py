"""How answers are printed: JSON for scripts, tables for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_UNBOUNDED: Final = 100_000
_UNITS: Final = ("B", "kB", "MB", "GB")
_DURATIONS: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def print_json(value: Any) -> None:
    """The value as indented JSON on standard output."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table as wide as the terminal; whole and unwrapped when standard output is no terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console = Console(width=_UNBOUNDED)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table, crop=False)


def size_text(size_bytes: int) -> str:
    """A size as people read it: 512 B, 1.5 kB, 20 MB."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    power = min(3, (len(str(size_bytes)) - 1) // 3)
    size = size_bytes / 1000**power
    return f"{size:.1f} {_UNITS[power]}" if size < 10 else f"{size:.0f} {_UNITS[power]}"


def duration_text(duration_s: float) -> str:
    """A duration as people read it: 12 s, 3 min 20 s, 2 h 5 min, 4 d 3 h."""
    seconds = round(duration_s)
    parts: list[tuple[int, str]] = []
    for size, unit in _DURATIONS:
        count, seconds = divmod(seconds, size)
        if count or parts:
            parts.append((count, unit))
    return " ".join(f"{count} {unit}" for count, unit in parts[:2] if count) or "0 s"
