"""The change feed: which runs changed, as hints; the data itself always comes by the ordinary queries."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from runlore.protocol.messages import Change, Changes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

INTERVAL_S: Final = 0.1
"""Hints are merged, so that there are at most ten a second."""

_KEPT: Final = 4_096
"""Hints that are remembered for clients that come back."""


class _Hint(NamedTuple):
    cursor: int
    runs: dict[int, str]
    projects: set[tuple[str, str]]


class Hub:
    """Collects changes from any thread and hands them to everyone who listens.

    Cursors begin at the time of the start in ms, so that they go up over restarts too.
    """

    def __init__(self) -> None:
        self._cursor = int(time.time() * 1000)
        self._oldest = self._cursor
        self._hints: deque[_Hint] = deque()
        self._runs: dict[int, str] = {}
        self._projects: set[tuple[str, str]] = set()
        self._listeners: set[asyncio.Event] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_due = False
        self._is_closed = False

    def start(self) -> None:
        """Begin to hand out hints. Call inside the event loop."""
        self._loop = asyncio.get_running_loop()

    def publish(self, runs: dict[int, str], projects: Collection[tuple[str, str]]) -> None:
        """Runs (key → entity) and projects (entity, name) changed. From any thread."""
        if self._loop is not None and not self._is_closed and (runs or projects):
            with suppress(RuntimeError):  # the loop has ended: nobody listens any more
                self._loop.call_soon_threadsafe(self._collect, runs, projects)

    def close(self) -> None:
        """End every stream. Call inside the event loop."""
        self._is_closed = True
        for listener in self._listeners:
            listener.set()

    def since(self, cursor: int, entities: Collection[str]) -> Changes:
        """All changes after a cursor that belong to these entities."""
        if cursor < self._oldest or cursor > self._cursor:
            return Changes(cursor=self._cursor, runs=[], projects=[], gap=True)
        runs: set[int] = set()
        projects: set[str] = set()
        for hint in reversed(self._hints):
            if hint.cursor <= cursor:
                break
            runs.update(key for key, entity in hint.runs.items() if entity in entities)
            projects.update(f"{entity}/{name}" for entity, name in hint.projects if entity in entities)
        return Changes(cursor=self._cursor, runs=sorted(runs), projects=sorted(projects), gap=False)

    async def listen(
        self, cursor: int | None, entities: Collection[str], *, idle_s: float
    ) -> AsyncIterator[Change | Changes | None]:
        """Changes as they come: first where the feed stands, then each change; None after ``idle_s`` without one.

        A ``Changes`` with ``gap`` comes first when the cursor is too old to know what was missed.
        """
        listener = asyncio.Event()
        self._listeners.add(listener)
        try:
            at = self._cursor if cursor is None else cursor
            found = self.since(at, entities)
            if found.gap:
                yield found
            else:
                yield Change(cursor=found.cursor, runs=found.runs, projects=found.projects)
            at = found.cursor
            while not self._is_closed:
                try:
                    await asyncio.wait_for(listener.wait(), idle_s)
                except TimeoutError:
                    yield None
                    continue
                listener.clear()
                found = self.since(at, entities)
                at = found.cursor
                if found.gap:
                    yield found
                elif found.runs or found.projects:
                    yield Change(cursor=found.cursor, runs=found.runs, projects=found.projects)
        finally:
            self._listeners.discard(listener)

    def _collect(self, runs: dict[int, str], projects: Collection[tuple[str, str]]) -> None:
        self._runs.update(runs)
        self._projects.update(projects)
        if not self._is_due and self._loop is not None:
            self._is_due = True
            self._loop.call_later(INTERVAL_S, self._flush)

    def _flush(self) -> None:
        self._is_due = False
        self._cursor = max(self._cursor + 1, int(time.time() * 1000))
        self._hints.append(_Hint(self._cursor, self._runs, self._projects))
        self._runs, self._projects = {}, set()
        while len(self._hints) > _KEPT:
            self._oldest = self._hints.popleft().cursor
        for listener in self._listeners:
            listener.set()
