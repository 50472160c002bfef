"""The application put together: routes, guards, error shape. Wiring only."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi.config import OpenAPIConfig

from runlore.server.body import Budget
from runlore.server.faults import answer_fault
from runlore.server.routes import ingest, live, runs, schema, series, session
from runlore.server.security import Door, require_account
from runlore.server.service import Service  # noqa: TC001 - Litestar reads annotations at run time
from runlore.server.site import serve_site
from runlore.server.version import VERSION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

_UPLOAD_MEMORY: Final = 256 * 1024 * 1024
_BODY_LIMIT: Final = 16 * 1024 * 1024
"""Longest body of a request that is no journal."""


def make_app(service: Service) -> Litestar:
    """The application of an open service. It starts and stops the service's background work."""
    budget = Budget(_UPLOAD_MEMORY)

    def provide_service() -> Service:
        return service

    def provide_budget() -> Budget:
        return budget

    @asynccontextmanager
    async def running(_app: Litestar) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.stop()

    api = Router(
        path="/api/v1",
        route_handlers=[
            session.health,
            session.who_am_i,
            session.sign_in,
            session.sign_out,
            ingest.store_range,
            ingest.tell_offset,
            ingest.hear,
            runs.list_projects,
            runs.list_runs,
            runs.list_keys,
            runs.show_run,
            runs.edit_run,
            runs.show_console,
            series.read_series,
            series.read_history,
            live.changes_since,
            live.stream_changes,
            schema.describe,
        ],
        dependencies={
            "service": Provide(provide_service, sync_to_thread=False),
            "budget": Provide(provide_budget, sync_to_thread=False),
        },
    )
    return Litestar(
        route_handlers=[api, serve_site],
        guards=[require_account],
        exception_handlers={HTTPException: answer_fault, Exception: answer_fault},
        lifespan=[running],
        state=State({"service": service}),
        request_max_body_size=_BODY_LIMIT,
        logging_config=None,
        openapi_config=OpenAPIConfig(
            title="Runlore",
            version=VERSION,
            openapi_router=schema.hidden,
        ),
    )


def make_asgi(service: Service, *, hosts: Iterable[str] = ()) -> Door:
    """What a web server runs: the application behind the door. hosts: names that it answers to beside the loopback ones."""
    return Door(make_app(service), hosts)
