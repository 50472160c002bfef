"""The door: which hosts and origins are answered, the headers on every answer, and who is asking."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec
from litestar.enums import ScopeType

from runlore.server.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from litestar.connection import ASGIConnection
    from litestar.handlers import BaseRouteHandler
    from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send

    from runlore.server.service import Service

COOKIE: Final = "runlore_session"

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

HEADERS: Final[dict[str, str]] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
"""On every answer. Inline style attributes are allowed because charts and tables place things by them; style sheets are not."""

_RAW_HEADERS: Final = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


class Door:
    """ASGI wrapper around the whole application: checks the Host and sets the security headers.

    hosts: names beside the loopback ones that the server answers to.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower().strip("[]") for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return

        async def send_with_headers(event: Message) -> None:
            if event["type"] == "http.response.start":
                event["headers"] = [*event["headers"], *_RAW_HEADERS]
            await send(event)

        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        if not self._answers_to(host):
            refusal = Refusal(
                "bad-host",
                f"cannot answer: this server does not go by the name {host[:200]!r}",
                hint="use its own address, or start it with --allow-host NAME",
                field="Host",
            )
            body = msgspec.json.encode(refusal.answer())
            start: HTTPResponseStartEvent = {
                "type": "http.response.start",
                "status": refusal.status,
                "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())],
            }
            await send_with_headers(start)
            await send_with_headers({"type": "http.response.body", "body": body, "more_body": False})
            return
        await self._app(scope, receive, send_with_headers)

    def _answers_to(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name == "localhost" or name in self._hosts or _is_loopback(name)


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def require_account(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guard of every route that is not marked open: finds out who asks, or refuses.

    Raises Refusal ``no-credential``, ``bad-credential`` or ``bad-origin``.
    """
    if handler.opt.get("is_open"):
        return
    service: Service = connection.app.state.service
    header = connection.headers.get("authorization")
    if header is not None:
        scheme, _, key = header.partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise Refusal(
                "bad-credential",
                "cannot tell who you are: the Authorization header is not of the form «Bearer <API key>»",
                field="Authorization",
            )
        connection.scope["user"] = service.access.of_key(key.strip())
        return
    token = connection.cookies.get(COOKIE)
    if not token:
        raise Refusal(
            "no-credential",
            "cannot tell who you are: no API key and no session came with the request",
            hint="send Authorization: Bearer <API key>, or open the link that the server printed",
        )
    check_origin(connection)
    connection.scope["user"] = service.access.of_session(token)


def check_origin(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Refuse a request that changes something and was made by a page of another site.

    Raises Refusal ``bad-origin``.
    """
    if connection.scope["method"] in _SAFE_METHODS:  # type: ignore[typeddict-item]
        return
    origin = connection.headers.get("origin")
    if origin is None:
        if connection.headers.get("sec-fetch-site") == "same-origin":
            return
    elif urlsplit(origin).netloc.lower() == connection.headers.get("host", "").lower():
        return
    raise Refusal(
        "bad-origin",
        f"cannot take the request: it was made by a page of {(origin or 'an unknown site')[:200]!r}, not by this server's own",
        field="Origin",
    )
