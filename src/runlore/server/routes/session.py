"""Health, who I am, signing in and out."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, delete, get, post
from litestar.datastructures import Cookie, State
from litestar.di import NamedDependency
from litestar.params import JSONBody

from runlore.protocol.messages import PROTOCOL, Health, Me, SessionRequest
from runlore.protocol.records import FORMAT
from runlore.server import views
from runlore.server.access import SESSION_S
from runlore.server.security import COOKIE, check_origin
from runlore.server.service import Service
from runlore.server.version import VERSION
from runlore.store.base import Account


@get("/health", opt={"is_open": True}, sync_to_thread=False)
def health() -> Health:
    """Tell that the server lives, and which versions it speaks."""
    return Health(status="ok", version=VERSION, protocol=PROTOCOL, journal_format=FORMAT)


@get("/me", sync_to_thread=False)
def who_am_i(request: Request[Account, Any, State]) -> Me:
    """Tell whose credential came with the request."""
    return views.me(request.user)


@post("/session", opt={"is_open": True}, status_code=200, sync_to_thread=True)
def sign_in(
    request: Request[Any, Any, State], service: NamedDependency[Service], data: JSONBody[SessionRequest]
) -> Response[Me]:
    """Exchange a one-time link or an API key for a session cookie."""
    if "origin" in request.headers:
        check_origin(request)
    token, account = service.access.open_session(data)
    cookie = Cookie(
        key=COOKIE,
        value=token,
        path="/",
        max_age=SESSION_S,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return Response(views.me(account), cookies=[cookie], headers={"Cache-Control": "no-store"})


@delete("/session", status_code=204, sync_to_thread=True)
def sign_out(request: Request[Account, Any, State], service: NamedDependency[Service]) -> Response[None]:
    """End the session that came with the request."""
    if token := request.cookies.get(COOKIE):
        service.access.close_session(token)
    gone = Cookie(key=COOKIE, value="", path="/", max_age=0, httponly=True, samesite="strict")
    return Response(None, status_code=204, cookies=[gone])
