"""Journal bytes out of a request's body: bounded while they come in, while they are unpacked, and over all requests."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

import zstandard

from runlore.server.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from litestar import Request

MAX_PACKED: Final = 32 * 1024 * 1024
MAX_UNPACKED: Final = 256 * 1024 * 1024
_WINDOW: Final = 32 * 1024 * 1024
"""Largest zstd window that is accepted; the recorder's are far smaller."""

_PIECE: Final = 1024 * 1024


class Budget:
    """Bytes that uploads under way may hold together; one upload alone may exceed it."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._used = 0
        self._freed = asyncio.Condition()

    @asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        """Wait for room, and keep it for the block."""
        async with self._freed:
            await self._freed.wait_for(lambda: self._used == 0 or self._used + size <= self._total)
            self._used += size
        try:
            yield
        finally:
            async with self._freed:
                self._used -= size
                self._freed.notify_all()


def encoding_of(request: Request[Any, Any, Any]) -> str:
    """The body's encoding, "zstd" or "identity". Raises Refusal ``bad-encoding``."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"zstd", "identity", ""}:
        raise Refusal(
            "bad-encoding",
            f"cannot unpack the body: its Content-Encoding is {encoding[:40]!r}, expected zstd or identity",
            field="Content-Encoding",
        )
    return encoding or "identity"


def announced_size(request: Request[Any, Any, Any]) -> int:
    """How many bytes the body may have at most, as sent. Raises Refusal ``too-large``."""
    text = request.headers.get("content-length", "")
    size = int(text) if text.isascii() and text.isdigit() else MAX_PACKED
    if size > MAX_PACKED:
        raise _too_large(size)
    return size


async def read_packed(request: Request[Any, Any, Any]) -> bytes:
    """The body as sent. Raises Refusal ``too-large``."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_PACKED:
            raise _too_large(size)
        parts.append(part)
    return b"".join(parts)


def unpacked_size(packed: bytes, encoding: str) -> int:
    """How many bytes unpacking may take; exact where the sender said so. Raises Refusal ``too-large``, ``bad-request``."""
    if encoding == "identity":
        return len(packed)
    try:
        parameters = zstandard.get_frame_parameters(packed[:64])
    except zstandard.ZstdError as error:
        raise _no_zstd(error) from error
    size = parameters.content_size
    if size in {zstandard.CONTENTSIZE_UNKNOWN, zstandard.CONTENTSIZE_ERROR}:
        return MAX_UNPACKED
    if size > MAX_UNPACKED or parameters.window_size > max(_WINDOW, size):
        raise _too_large(size)
    return int(size)


def unpack(packed: bytes, encoding: str, checksum: str | None) -> bytes:
    """The journal's bytes, checked against the sender's checksum.

    Raises Refusal ``too-large`` when they are more than ``MAX_UNPACKED``, ``bad-request`` when they are no zstd,
    ``damaged-upload`` when the checksum differs.
    """
    data = packed if encoding == "identity" else _unpack(packed)
    if checksum is None:
        raise Refusal(
            "bad-request", "cannot take the range: the header X-Runlore-Checksum is missing", field="X-Runlore-Checksum"
        )
    if f"{crc32(data):08x}" != checksum.strip().lower():
        raise Refusal(
            "damaged-upload",
            f"cannot take the range: its CRC-32 is {crc32(data):08x}, the sender says {checksum[:16]!r}",
            hint="send it again",
            field="X-Runlore-Checksum",
        )
    return data


def _unpack(packed: bytes) -> bytes:
    parts: list[bytes] = []
    size = 0
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    try:
        with decompressor.stream_reader(packed, read_across_frames=True) as reader:
            while piece := reader.read(_PIECE):
                size += len(piece)
                if size > MAX_UNPACKED:
                    raise _too_large(size)
                parts.append(piece)
    except zstandard.ZstdError as error:
        raise _no_zstd(error) from error
    return b"".join(parts)


def _too_large(size: int) -> Refusal:
    return Refusal(
        "too-large",
        f"cannot take a body of {size:,} bytes or more: at most {MAX_PACKED:,} are allowed, {MAX_UNPACKED:,} unpacked",
        hint="send the range in parts",
    )


def _no_zstd(error: Exception) -> Refusal:
    return Refusal("bad-request", f"cannot unpack the body: it is no zstd ({error})", field="Content-Encoding")
