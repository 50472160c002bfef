"""Every exception of a request as the one error shape."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import msgspec
from litestar import Response
from litestar.exceptions import HTTPException, ValidationException

from runlore.errors import StorageFailed, StorageFull, StoreError, UsageError
from runlore.server.refusal import Refusal

if TYPE_CHECKING:
    from litestar import Request

_log: Final = logging.getLogger(__name__)

_RETRY_HINT: Final = "nothing was kept of this request; send it again later"


def answer_fault(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer to a request that ended with an exception."""
    refusal = _refusal(request, error)
    headers = {"Cache-Control": "no-store"}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if refusal.status == 503:
        headers["Retry-After"] = "2"
    return Response(
        msgspec.json.encode(refusal.answer()),
        status_code=refusal.status,
        media_type="application/json",
        headers=headers,
    )


def _refusal(request: Request[Any, Any, Any], error: Exception) -> Refusal:
    match error:
        case Refusal():
            return error
        case StorageFull():
            return Refusal("storage-full", str(error), hint=_RETRY_HINT)
        case StorageFailed() | StoreError():
            return Refusal("storage-failed", str(error), hint=_RETRY_HINT)
        case UsageError():
            return Refusal("bad-request", str(error))
        case ValidationException():
            return _validation(error)
        case HTTPException():
            return _http(request, error)
    _log.error("a request failed: %s %s", request.method, request.url.path, exc_info=error)
    return Refusal(
        "server-fault",
        "cannot answer: the server met a fault of its own",
        hint="the server's log has the details; please report them",
    )


def _validation(error: ValidationException) -> Refusal:
    entries: list[Any] = error.extra if isinstance(error.extra, list) else []
    first: dict[str, Any] = entries[0] if entries and isinstance(entries[0], dict) else {}
    return Refusal(
        "bad-request",
        f"cannot read the request: {first.get('message') or error.detail}",
        field=str(first["key"]) if first.get("key") else None,
    )


def _http(request: Request[Any, Any, Any], error: HTTPException) -> Refusal:
    path = request.url.path
    match error.status_code:
        case 404:
            return Refusal("not-found", f"cannot find {path}: the path names nothing")
        case 405:
            return Refusal("wrong-method", f"cannot {request.method} {path}: another method is expected")
        case 413:
            return Refusal("too-large", "cannot take the request: its body is too large")
        case 401 | 403:
            return Refusal("forbidden", f"cannot {request.method} {path}: {error.detail}")
        case status if status < 500:
            return Refusal("bad-request", f"cannot read the request: {error.detail}")
    _log.error("a request failed: %s %s", request.method, path, exc_info=error)
    return Refusal("server-fault", "cannot answer: the server met a fault of its own")
