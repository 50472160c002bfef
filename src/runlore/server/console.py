"""Pages of a run's console output, as a terminal would show it in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runlore.protocol.messages import ConsoleLine, ConsolePage
from runlore.server.ingest.lifecycle import iso
from runlore.server.ingest.terminal import fold

if TYPE_CHECKING:
    from runlore.store.base import MetaStore


def console_page(meta: MetaStore, run: int, *, offset: int, limit: int) -> ConsolePage:
    """Lines from ``offset`` on, at most ``limit``; a negative offset counts from the end. Unfinished lines come last."""
    finished, unfinished = meta.console_state(run)
    total = finished + len(unfinished)
    first = max(total + offset, 0) if offset < 0 else offset
    lines: list[ConsoleLine] = []
    for chunk in meta.console(run, first_line=first, count=limit):
        texts, _ = fold(chunk.carry, chunk.pieces)
        for number, (time_ns, text) in enumerate(texts, chunk.first_line):
            if first <= number < first + limit:
                lines.append(_line(number, time_ns, chunk.stream, chunk.writer, text))
    for number, (writer, stream, tail) in enumerate(unfinished, finished):
        if first <= number < first + limit:
            lines.append(_line(number, tail.time_ns, stream, writer, tail.text))
    return ConsolePage(lines=lines, offset=first, total=total)


def _line(number: int, time_ns: int, stream: str, writer: str, text: str) -> ConsoleLine:
    return ConsoleLine(number=number, time=iso(time_ns), stream=stream, writer=writer, text=text)
