"""Journal frames: how records are wrapped in bytes, checked, and salvaged from a damaged file.

The byte layout is documented in ``docs/design/journal.md``. All integers are little-endian.

    journal  = MAGIC frame*            the first frame is a HEADER record
    frame    = crc:u32 length:u32 kind:u8 payload[length]
    crc      = CRC-32 (zlib) of every byte of the frame after the crc itself
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC: Final = b"RLJ1\r\n\x1a\n"
"""First eight bytes of a journal. The line ends and ^Z show a file mangled by a text-mode copy."""

HEAD: Final = struct.Struct("<IIB")
"""crc, payload length, kind."""

HEAD_SIZE: Final = HEAD.size
MAX_PAYLOAD: Final = 64 * 1024 * 1024
"""Longest payload in bytes. A longer length in a head means that the head is damaged."""

MAX_KIND_AFTER_DAMAGE: Final = 31
"""After damage, frames are looked for whose kind is in [1, 31]; there are no others yet."""

_CANDIDATE: Final = re.compile(rb"(?s)(?=.{7}[\x00-\x04][\x01-\x1f])")
"""Where a frame may begin: the highest byte of a length within bounds, and a kind. Spares nearly all checksums."""

_BODY: Final = struct.Struct("<IB")
_CRC: Final = struct.Struct("<I")


class Frame(NamedTuple):
    """A whole, checked frame: where it starts in the buffer, its kind, its payload (a view, not a copy)."""

    start: int
    kind: int
    payload: memoryview


class Damage(NamedTuple):
    """A damaged byte range [start, end) of the buffer: no frame in it passes its checksum."""

    start: int
    end: int


def encode_frame(kind: int, payload: bytes) -> bytes:
    """The frame's bytes.

    Raises ValueError when the payload is longer than ``MAX_PAYLOAD`` or the kind is not in [0, 255].
    """
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"cannot frame a payload of {len(payload)} bytes: at most {MAX_PAYLOAD} are allowed")
    if not 0 <= kind <= 255:
        raise ValueError(f"cannot frame kind {kind}: expected 0 to 255")
    body = _BODY.pack(len(payload), kind) + payload
    return _CRC.pack(crc32(body)) + body


def frame_end(buffer: memoryview, start: int) -> int | None:
    """End offset of the whole and intact frame at ``start``, or None when there is none.

    None means either damage or a frame not yet written to its end; ``scan`` tells them apart.
    """
    if len(buffer) - start < HEAD_SIZE:
        return None
    crc, length, _kind = HEAD.unpack_from(buffer, start)
    end = start + HEAD_SIZE + length
    if length > MAX_PAYLOAD or end > len(buffer) or crc32(buffer[start + 4 : end]) != crc:
        return None
    return int(end)


def next_frame(buffer: memoryview, after: int, *, most_bytes: int | None = None) -> int | None:
    """First offset beyond ``after`` at which an intact frame begins, or None.

    most_bytes: stop, as if there were none, once so many bytes were summed in vain; None searches to the end.
    """
    spent = 0
    for match in _CANDIDATE.finditer(buffer, after + 1):
        start = match.start()
        end = start + HEAD_SIZE + HEAD.unpack_from(buffer, start)[1]
        if end > len(buffer):
            continue
        if frame_end(buffer, start) is not None:
            return start
        spent += end - start
        if most_bytes is not None and spent > most_bytes:
            break
    return None


def scan(buffer: bytes | memoryview, *, is_final: bool) -> Iterator[Frame | Damage]:
    """Yield the frames of ``buffer`` in order, with the damaged ranges between them.

    buffer: bytes of a journal that begin at a frame boundary (after ``MAGIC``).
    is_final: whether no more bytes will ever follow. When false, an incomplete or damaged end is left
        unreported, because a frame may be in the middle of being written; when true it is reported as Damage,
        from which nothing can be salvaged (a torn tail).

    A damaged range ends where the next intact frame begins. Every byte up to the end of the last item yielded
    is accounted for exactly once.
    """
    view = memoryview(buffer)
    at = 0
    while at < len(view):
        end = frame_end(view, at)
        if end is not None:
            yield Frame(at, view[at + 8], view[at + HEAD_SIZE : end])
            at = end
            continue
        resume = next_frame(view, at)
        if resume is None:
            if is_final:
                yield Damage(at, len(view))
            return
        yield Damage(at, resume)
        at = resume


def whole_end(buffer: bytes | memoryview) -> int:
    """How many leading bytes of ``buffer`` are whole, intact frames: the part that is safe to ship."""
    view = memoryview(buffer)
    at = 0
    while (end := frame_end(view, at)) is not None:
        at = end
    return at
