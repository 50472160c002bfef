"""Answers to reads: bytes with an ETag, or 304 when the client has them already."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec
from litestar import Response

if TYPE_CHECKING:
    from litestar import Request

    from runlore.protocol.messages import Message

FRAME: str = "application/vnd.runlore.columns"
"""Media type of column frames."""


def etag_of(*parts: object) -> str:
    """A strong ETag of what an answer depends on."""
    return f'"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'


def is_known(request: Request[Any, Any, Any], etag: str) -> bool:
    """Whether the client has the answer with this ETag."""
    wanted = request.headers.get("if-none-match", "")
    return wanted == "*" or etag in {entry.strip().removeprefix("W/") for entry in wanted.split(",")}


def unchanged(etag: str) -> Response[bytes]:
    """304: the client's copy is good."""
    return Response(b"", status_code=304, headers=_headers(etag))


def message(request: Request[Any, Any, Any], body: Message) -> Response[bytes]:
    """The message as JSON, or 304."""
    data = msgspec.json.encode(body)
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    if is_known(request, etag):
        return unchanged(etag)
    return Response(data, media_type="application/json", headers=_headers(etag))


def frame(data: bytes, etag: str) -> Response[bytes]:
    """A column frame."""
    return Response(data, media_type=FRAME, headers=_headers(etag))


def _headers(etag: str) -> dict[str, str]:
    return {"ETag": etag, "Cache-Control": "private, no-cache"}
