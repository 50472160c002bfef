"""Series and history as column frames."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from runlore.protocol.messages import SeriesRequest
from runlore.server import answers
from runlore.server.history import history_frame
from runlore.server.refusal import Refusal
from runlore.server.series import check, series_frame
from runlore.server.service import Service
from runlore.store.base import Account, RunRecord

_Request = Request[Account, Any, State]


@post("/series", status_code=200, sync_to_thread=True)
def read_series(request: _Request, service: NamedDependency[Service], data: JSONBody[SeriesRequest]) -> Response[bytes]:
    """Read one panel's lines."""
    check(data)
    runs: list[RunRecord] = [service.access.run(request.user, path.entity, path.project, path.id) for path in data.runs]
    etag = answers.etag_of(data, [(run.key, run.version) for run in runs])
    if answers.is_known(request, etag):
        return answers.unchanged(etag)
    return answers.frame(series_frame(service.series, service.meta.cuts([run.key for run in runs]), runs, data), etag)


@get("/runs/{entity:str}/{project:str}/{run_id:str}/history", sync_to_thread=True)
def read_history(
    request: _Request,
    service: NamedDependency[Service],
    entity: FromPath[str],
    project: FromPath[str],
    run_id: FromPath[str],
    keys: FromQuery[list[str] | None] = None,
    min_step: FromQuery[int | None] = None,
    max_step: FromQuery[int | None] = None,
    limit: Annotated[int | None, QueryParameter(ge=1)] = None,
    repeats: FromQuery[Literal["last", "all"]] = "last",
) -> Response[bytes]:
    """Read the exact rows of a run."""
    run = service.access.run(request.user, entity, project, run_id)
    if keys is not None and len(keys) > 1000:
        raise Refusal("bad-request", "cannot read more than 1,000 keys at once", field="keys")
    etag = answers.etag_of(run.key, run.version, keys, min_step, max_step, limit, repeats)
    if answers.is_known(request, etag):
        return answers.unchanged(etag)
    cuts = service.meta.cuts([run.key]).get(run.key, [])
    data = history_frame(service.series, cuts, keys, min_step=min_step, max_step=max_step, limit=limit, repeats=repeats)
    return answers.frame(data, etag)
