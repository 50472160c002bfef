"""Records what the program prints, without ever getting in its way.

``sys.stdout`` and ``sys.stderr`` stay the objects they are; only their ``write`` is wrapped while a run is active.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from runlore.protocol.records import Console as ConsoleRecord
from runlore.sdk import guard

if TYPE_CHECKING:
    from collections.abc import Callable

    from runlore.sdk.writer import Writer

PAUSE_S: Final = 0.05
"""Completed lines are recorded at once, but not more often than this; the rest follows with the next beat."""

MAX_CHARACTERS: Final = 64 * 1024
"""Output is recorded at the latest when this much of it waits."""

STREAMS: Final = ("stdout", "stderr")


class ConsoleRecording:
    """The output of one run, on its way into the journal. Thread-safe.

    Printing never waits for the writer's lock: whoever prints may hold the lock of a logging handler, and whoever holds
    the writer's lock may want to log.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._parts: deque[tuple[str, str]] = deque()
        self._waiting = 0
        self._last_flush = 0.0

    def write(self, stream: str, text: str) -> None:
        """Take text that was printed."""
        self._parts.append((stream, text))
        self._waiting += len(text)
        is_due = "\n" in text and time.monotonic() - self._last_flush >= PAUSE_S
        if (is_due or self._waiting >= MAX_CHARACTERS) and self._writer.lock.acquire(blocking=False):
            try:
                self._flush()
            finally:
                self._writer.lock.release()

    def flush(self) -> None:
        """Record what waits."""
        if self._parts:
            with self._writer.lock:
                self._flush()

    def _flush(self) -> None:
        self._last_flush = time.monotonic()
        self._waiting = 0
        texts: dict[str, list[str]] = {}
        while self._parts:
            stream, text = self._parts.popleft()
            texts.setdefault(stream, []).append(text)
        for stream, parts in texts.items():
            text = "".join(parts)
            for start in range(0, len(text), MAX_CHARACTERS):
                part = text[start : start + MAX_CHARACTERS].encode("utf-8", "replace").decode()
                self._writer.send(ConsoleRecord(time_ns=time.time_ns(), text=part, stream=stream))

    def after_fork(self) -> None:
        """In a forked child: what waits is the parent's to record."""
        self._parts.clear()
        self._waiting = 0


class _Wrap(NamedTuple):
    """stream: the wrapped object. ours: the wrapper. original: its ``write`` before."""

    stream: Any
    ours: Callable[[Any], Any]
    original: Callable[[Any], Any]


_recordings: list[ConsoleRecording] = []
_wrapped: dict[str, _Wrap] = {}
_busy = threading.local()


def begin(recording: ConsoleRecording) -> None:
    """Hand all further output to ``recording``, until ``end``."""
    _recordings.append(recording)
    for stream in STREAMS:
        _wrap(stream)


def end(recording: ConsoleRecording) -> None:
    """Hand no more output to ``recording``; the streams are as before once the last one has ended."""
    if recording in _recordings:
        _recordings.remove(recording)
    if not _recordings:
        for stream in STREAMS:
            _unwrap(stream)


def original_write(name: str) -> Callable[[str], object] | None:
    """The ``write`` of ``sys.<name>`` as it is without recording; None where there is no such stream."""
    stream = getattr(sys, name, None)
    known = _wrapped.get(name)
    if known is not None and known.stream is stream:
        return known.original
    write = getattr(stream, "write", None)
    return write if callable(write) else None


def _wrap(name: str) -> None:
    stream: Any = getattr(sys, name, None)
    known = _wrapped.get(name)
    write = getattr(stream, "write", None)
    if not callable(write) or (known is not None and known.stream is stream):
        return

    def record_and_write(text: Any) -> Any:
        written = write(text)
        wrap = _wrapped.get(name)
        # Another library may have wrapped our wrapper and kept it past its time: only the newest one records.
        if wrap is None or wrap.ours is not record_and_write or getattr(_busy, "is_busy", False):
            return written
        _busy.is_busy = True
        try:
            if isinstance(text, str) and text:
                for recording in _recordings:
                    recording.write(name, text)
        except Exception as error:  # noqa: BLE001 - printing must never fail because of us
            guard.report("record output", error)
        finally:
            _busy.is_busy = False
        return written

    try:
        stream.write = record_and_write
    except (AttributeError, TypeError) as error:
        guard.LOGGER.info("output on %s is not recorded: the stream cannot be wrapped (%s)", name, error)
        return
    _wrapped[name] = _Wrap(stream, record_and_write, write)


def _unwrap(name: str) -> None:
    wrap = _wrapped.pop(name, None)
    if wrap is None or wrap.stream.__dict__.get("write") is not wrap.ours:
        return
    del wrap.stream.write
    if wrap.stream.write != wrap.original:  # it was somebody's wrapper before ours
        wrap.stream.write = wrap.original
