"""Tail: the whole frames of a journal that another process is still writing, as ranges that are safe to ship.

Reads in windows of fixed size, so that memory does not depend on the journal. Never changes the file.
"""

from __future__ import annotations

import logging
import os
import re
import time
from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

from runlore.errors import UnsupportedJournal
from runlore.protocol import wire
from runlore.protocol.frames import HEAD, HEAD_SIZE, MAGIC, MAX_PAYLOAD
from runlore.protocol.records import Exit, Header, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

log = logging.getLogger(__name__)

RANGE_BYTES: Final = 2 * 1024 * 1024
"""Longest range in bytes; only a single frame that is longer makes a longer one."""

WINDOW_BYTES: Final = 256 * 1024
_PIECE_BYTES: Final = 256 * 1024
_SALVAGE_BYTES: Final = 4 * 1024 * 1024

PATIENCE_S: Final = 2.0
"""A frame that is not whole counts as damaged when its living writer has added nothing to the journal for so long."""

LONG_PATIENCE_S: Final = 10.0
"""The same, however much was added: its length may be what is damaged."""

_MAP_HEAD: Final = rb"[\x80-\x8f\xde\xdf]"
_PLAUSIBLE: Final = re.compile(
    rb"(?s)(?=.{7}[\x00-\x04](?:\x03.{4}|[\x01\x02\x04-\x1f]" + _MAP_HEAD + rb"))",
)
"""Where a frame can begin at all: a length within bounds, and a row or a MessagePack map after it."""

_SHORTEST_ROW: Final = wire.ROW_HEAD.size


class Range(NamedTuple):
    """A byte range [start, end) of a journal. damaged_bytes: how many of them are in no intact frame."""

    start: int
    end: int
    damaged_bytes: int


def open_journal(path: str) -> FileIO:
    """The journal, unbuffered, for reading. Raises OSError."""
    return open(path, "rb", buffering=0)  # noqa: PTH123 - plain strings here; the caller closes it


def _read(file: FileIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)


def pieces(file: FileIO, start: int, end: int) -> Iterator[bytes]:
    """The bytes [start, end) of an open file, a quarter of a MiB at a time.

    Raises EOFError when the file ends before ``end``, OSError when it cannot be read.
    """
    at = start
    while at < end:
        piece = _read(file, at, min(_PIECE_BYTES, end - at))
        if not piece:
            raise EOFError(f"the file ends at byte {at}, {end} were expected")
        yield piece
        at += len(piece)


class _Stuck(NamedTuple):
    """Where reading cannot go on, since when, the file's size then, and since when it has that size."""

    at: int
    since: float
    size: int
    size_since: float


class Tail:
    """Reads one journal forward.

    exits: the Exit records passed so far, by the offset of their frame. damaged_bytes: passed so far.
    Use from one thread at a time.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.exits: dict[int, Exit] = {}
        self.damaged_bytes = 0
        self.read_to = 0
        self._stuck = _Stuck(-1, 0.0, -1, 0.0)
        self._found: Range | None = None
        self._barren = (-1, -1)

    def header(self) -> Header:
        """The journal's first record.

        Raises OSError, UnsupportedJournal when the file does not begin as a journal of a known format, EOFError
        while its header is not yet written to its end.
        """
        with open_journal(self.path) as file:
            start = file.read(len(MAGIC) + HEAD_SIZE)
            if start[: len(MAGIC)] != MAGIC[: len(start)]:
                raise UnsupportedJournal(f"cannot read {self.path}: it does not begin as a journal does")
            if len(start) < len(MAGIC) + HEAD_SIZE:
                raise EOFError(f"{self.path} has no header yet")
            crc, length, kind = HEAD.unpack_from(start, len(MAGIC))
            payload = file.read(min(length, _SALVAGE_BYTES))
        if length > _SALVAGE_BYTES:
            raise UnsupportedJournal(f"cannot read {self.path}: its header is damaged")
        if len(payload) < length:
            raise EOFError(f"{self.path} has no header yet")
        if crc32(payload, crc32(start[len(MAGIC) + 4 :])) != crc or kind != Kind.HEADER:
            raise UnsupportedJournal(f"cannot read {self.path}: its header is damaged")
        try:
            return wire.check_header(wire.decode(kind, payload))
        except ValueError as error:
            raise UnsupportedJournal(f"cannot read {self.path}: {error}") from error

    def cut(self, start: int, *, is_final: bool, limit: int = RANGE_BYTES) -> Range:
        """The range of whole frames from ``start``, at most ``limit`` bytes unless one frame is longer.

        start: 0 or a frame's start. is_final: no process writes to the journal any more, so that a damaged frame need
        not be waited for. Damaged bytes that intact frames follow are part of the range; a torn tail never is.
        An empty range means that there is nothing to ship yet. Raises OSError.
        """
        with open_journal(self.path) as file:
            return self._cut(file, start, is_final=is_final, limit=limit)

    def _cut(self, file: FileIO, start: int, *, is_final: bool, limit: int) -> Range:
        size = os.fstat(file.fileno()).st_size
        at = start
        damaged = 0
        if at == 0:
            if _read(file, 0, len(MAGIC)) != MAGIC:
                return Range(0, 0, 0)
            at = len(MAGIC)
        while at < size and at - start < limit:
            window = memoryview(_read(file, at, min(WINDOW_BYTES, limit - (at - start))))
            end = at + self._whole(window, at)
            if end == at:
                end = self._long_frame(file, at, size)
                if end - start > limit and at > max(start, len(MAGIC)):
                    break
            if end == at:
                end = self._past_damage(file, at, size, is_final=is_final)
                if end - start > limit and at > max(start, len(MAGIC)):
                    break
                self._note_damage(at, end)
                damaged += end - at
            if end == at:
                break
            at = end
        if at == len(MAGIC) and start == 0:
            at = 0
        self.read_to = max(self.read_to, at)
        return Range(start, at, damaged)

    def _note_damage(self, start: int, end: int) -> None:
        if end > start >= self.read_to:
            self.damaged_bytes += end - start
            log.warning(
                "%s is damaged: bytes %d to %d hold no intact frame; everything else is kept", self.path, start, end
            )

    def _whole(self, window: memoryview, base: int) -> int:
        """How many leading bytes of the window are intact frames, noting the exits among them."""
        at = 0
        size = len(window)
        unpack = HEAD.unpack_from
        while at + HEAD_SIZE <= size:
            crc, length, kind = unpack(window, at)
            end = at + HEAD_SIZE + length
            if end > size or crc32(window[at + 4 : end]) != crc:
                break
            if kind == Kind.EXIT:
                self._note_exit(base + at, window[at + HEAD_SIZE : end])
            at = end
        return at

    def _note_exit(self, offset: int, payload: memoryview) -> None:
        try:
            record = wire.decode(Kind.EXIT, payload)
        except ValueError:
            return  # intact, but of a form that only a newer version knows: it ships, and the server judges
        if isinstance(record, Exit):
            self.exits[offset] = record

    def _long_frame(self, file: FileIO, at: int, size: int) -> int:
        """End of the intact frame at ``at`` that did not fit a window, or ``at``."""
        head = _read(file, at, HEAD_SIZE)
        if len(head) < HEAD_SIZE:
            return at
        return at + HEAD_SIZE + HEAD.unpack(head)[1] if self._is_intact(file, at, head, size) else at

    def _is_intact(self, file: FileIO, at: int, head: bytes, size: int) -> bool:
        crc, length, _kind = HEAD.unpack(head)
        end = at + HEAD_SIZE + length
        if length > MAX_PAYLOAD or end > size:
            return False
        found = 0
        for piece in pieces(file, at + 4, end):
            found = crc32(piece, found)
        return bool(found == crc)

    def _past_damage(self, file: FileIO, at: int, size: int, *, is_final: bool) -> int:
        """Where the damaged bytes at ``at`` end, at most ``_SALVAGE_BYTES`` further; ``at`` when there are none, or none yet."""
        if self._found is not None and self._found.start <= at < self._found.end:
            return min(self._found.end, at + _SALVAGE_BYTES)
        if not is_final and not self._is_overdue(file, at, size):
            return at
        if self._barren == (at, size):
            return at
        end = self._next_frame(file, at, size)
        if end is None:
            self._barren = (at, size)
            return at
        self._found = Range(at, end, end - at)
        return min(end, at + _SALVAGE_BYTES)

    def _is_overdue(self, file: FileIO, at: int, size: int) -> bool:
        """Whether the frame at ``at`` must be damaged, and not one that is being written just now."""
        head = _read(file, at, HEAD_SIZE)
        if len(head) == HEAD_SIZE:
            length = HEAD.unpack(head)[1]
            if length > MAX_PAYLOAD or at + HEAD_SIZE + length <= size:
                return True
        now = time.monotonic()
        if self._stuck.at != at:
            self._stuck = _Stuck(at, now, size, now)
        elif self._stuck.size != size:
            self._stuck = self._stuck._replace(size=size, size_since=now)
        return now - self._stuck.size_since >= PATIENCE_S or now - self._stuck.since >= LONG_PATIENCE_S

    def _next_frame(self, file: FileIO, start: int, size: int) -> int | None:
        """Offset of the first intact frame after ``start``, or None."""
        at = start + 1
        while at + HEAD_SIZE <= size:
            window = _read(file, at, _SALVAGE_BYTES)
            for match in _PLAUSIBLE.finditer(window):
                candidate = match.start()
                _crc, length, kind = HEAD.unpack_from(window, candidate)
                if at + candidate + HEAD_SIZE + length > size or (kind == Kind.ROW and length < _SHORTEST_ROW):
                    continue
                if self._is_intact(file, at + candidate, window[candidate : candidate + HEAD_SIZE], size):
                    return at + candidate
            # A head and the byte after it may lie across the border of two windows.
            at += max(1, len(window) - HEAD_SIZE - 4)
        return None


def read_exits(path: str) -> list[Exit]:
    """The Exit records of a journal that no process writes to any more, in order. Raises OSError."""
    tail = Tail(path)
    at = 0
    while (found := tail.cut(at, is_final=True)).end > at:
        at = found.end
    return [tail.exits[offset] for offset in sorted(tail.exits)]
