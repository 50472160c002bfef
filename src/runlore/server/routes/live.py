"""The change feed: asked for, or as server-sent events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage

from runlore.protocol.messages import Change, Changes
from runlore.server.service import Service
from runlore.store.base import Account

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

IDLE_S = 15.0
"""A comment line comes after so long without a change, so that a lost connection is noticed."""


@get("/changes", sync_to_thread=False)
def changes_since(
    request: Request[Account, Any, State],
    service: NamedDependency[Service],
    since: Annotated[int, QueryParameter(ge=0, le=2**53)] = 0,
) -> Changes:
    """Tell what changed after a cursor."""
    return service.hub.since(since, request.user.entities)


@get("/events", sync_to_thread=False, include_in_schema=False)
def stream_changes(request: Request[Account, Any, State], service: NamedDependency[Service]) -> ServerSentEvent:
    """Stream changes as they come."""
    text = request.headers.get("last-event-id", "")
    cursor = int(text) if text.isascii() and text.isdigit() else None
    entities = request.user.entities

    async def events() -> AsyncIterator[ServerSentEventMessage]:
        async for found in service.hub.listen(cursor, entities, idle_s=IDLE_S):
            if found is None:
                yield ServerSentEventMessage(data=None, comment="still here")
            else:
                kind = "change" if isinstance(found, Change) else "gap"
                yield ServerSentEventMessage(data=msgspec.json.encode(found), event=kind, id=found.cursor)

    return ServerSentEvent(events(), headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
