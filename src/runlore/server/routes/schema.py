"""The OpenAPI description of this interface, made from the same structs that the routes use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from litestar import Request, Response, Router, get

from runlore.server.refusal import not_found

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection
    from litestar.handlers import BaseRouteHandler


@get("/openapi.json", include_in_schema=False, sync_to_thread=True)
def describe(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Describe the interface as OpenAPI 3.1."""
    return Response(msgspec.json.encode(request.app.openapi_schema.to_schema()), media_type="application/json")


def _hide(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    raise not_found(connection.url.path)


hidden: Final = Router("/api/v1/openapi", route_handlers=[], include_in_schema=False, guards=[_hide])
"""Where Litestar would put its own pages, which answer unknown paths with HTML: nothing is there."""
