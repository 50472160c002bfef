"""What a terminal shows in the end of what was written to it: progress bars collapse, lines are numbered.

Colours and other escape sequences stay in the text, but for the two that erase the line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from runlore.store.base import ConsoleTail

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_LINE: Final = 16_384
"""A longer line is broken here, so that output without line ends stays bounded."""

_MOVES: Final = re.compile("(\r+\n|\n|\r|\b|\x1b\\[[012]?K)")


def fold(tail: ConsoleTail, pieces: Iterable[tuple[int, str]]) -> tuple[list[tuple[int, str]], ConsoleTail]:
    """The lines that ``pieces`` (time_ns, text) finish, each with the time it began at, and the unfinished line after them."""
    lines: list[tuple[int, str]] = []
    time_ns, line, column = tail
    for piece_ns, text in pieces:
        for part in _MOVES.split(text):
            if not part:
                continue
            if part[-1] == "\n":
                lines.append((time_ns if line else piece_ns, line))
                line, column = "", 0
            elif part == "\r":
                column = 0
            elif part == "\b":
                column = max(column - 1, 0)
            elif part[0] == "\x1b" and part[-1] == "K" and len(part) <= 4:
                line = "" if part[2] == "2" else line[:column]
                column = min(column, len(line))
            else:
                if not line:
                    time_ns = piece_ns
                line, column = _write(line, column, part)
                while len(line) > MAX_LINE:
                    lines.append((time_ns, line[:MAX_LINE]))
                    line = line[MAX_LINE:]
                    column = max(column - MAX_LINE, 0)
    return lines, ConsoleTail(time_ns, line, column)


def _write(line: str, column: int, text: str) -> tuple[str, int]:
    if column >= len(line):
        return line + text, len(line) + len(text)
    if "\x1b" in line or "\x1b" in text:
        # how wide escape sequences are is the terminal's affair: a rewritten line replaces the old one
        return (text, len(text)) if column == 0 else (line[:column] + text, column + len(text))
    return line[:column] + text + line[column + len(text) :], column + len(text)
