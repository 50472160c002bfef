"""Journals in, heartbeats, offsets."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from litestar import Request, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from runlore.protocol import ids
from runlore.protocol.messages import Accepted, Heartbeat, HeartbeatAnswer
from runlore.server import body, views
from runlore.server.ingest.commit import Stored, Upload
from runlore.server.refusal import Refusal, not_found
from runlore.server.service import Service
from runlore.store.base import Account

_MAX_WRITERS = 10_000


def _accepted(request: Request[Account, Any, State], stored: Stored) -> Accepted:
    base_url = str(request.base_url).rstrip("/")
    return Accepted(
        offset=stored.offset,
        entity=stored.entity,
        project=stored.project,
        run_id=stored.run_id,
        url=views.run_page(base_url, stored.entity, stored.project, stored.run_id),
    )


def _checked_writer(writer: str) -> str:
    if not ids.is_writer(writer):
        raise Refusal(
            "bad-request", f"cannot use {writer[:64]!r} as a writer: 32 hexadecimal digits are expected", field="writer"
        )
    return writer


@post("/journals/{writer:str}", status_code=200, request_max_body_size=None)
async def store_range(
    request: Request[Account, Any, State],
    service: NamedDependency[Service],
    budget: NamedDependency[body.Budget],
    writer: FromPath[str],
    offset: Annotated[int, QueryParameter(ge=0, le=2**53)],
) -> Accepted:
    """Store a range of a journal; answered once it is durable."""
    _checked_writer(writer)
    encoding = body.encoding_of(request)
    async with budget.hold(body.announced_size(request)):
        packed = await body.read_packed(request)
    checksum = request.headers.get("x-runlore-checksum")
    async with budget.hold(body.unpacked_size(packed, encoding)):
        if encoding == "identity" and len(packed) < 65_536:
            data = body.unpack(packed, encoding, checksum)
        else:
            data = await asyncio.to_thread(body.unpack, packed, encoding, checksum)
        stored = await service.committer.submit(Upload(request.user, writer, offset, data))
    return _accepted(request, stored)


@post("/journals/{writer:str}/offset", status_code=200, sync_to_thread=True)
def tell_offset(
    request: Request[Account, Any, State], service: NamedDependency[Service], writer: FromPath[str]
) -> Accepted:
    """Tell where an upload of the journal goes on."""
    journal = service.meta.journals([_checked_writer(writer)]).get(writer)
    run = None if journal is None else service.meta.runs_by_key([journal.run]).get(journal.run)
    if journal is None or run is None or run.entity not in request.user.entities:
        raise not_found(f"journal {writer}")
    return _accepted(request, Stored(journal.offset, run.entity, run.project, run.id))


@post("/heartbeats", status_code=200, sync_to_thread=True)
def hear(
    request: Request[Account, Any, State], service: NamedDependency[Service], data: JSONBody[Heartbeat]
) -> HeartbeatAnswer:
    """Take in which writers are alive."""
    if len(data.writers) > _MAX_WRITERS:
        raise Refusal("bad-request", f"cannot take more than {_MAX_WRITERS} writers at once", field="writers")
    return HeartbeatAnswer(known=service.liveness.heard(request.user, data.writers), stop=[])
