"""Projects, runs, keys, console."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response, get, patch
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from runlore.errors import UsageError
from runlore.protocol import query
from runlore.protocol.messages import ConsolePage, Key, Keys, Projects, Run, RunChange, RunDetail, Runs
from runlore.server import answers, views
from runlore.server.console import console_page
from runlore.server.refusal import Refusal
from runlore.server.runs import change_run
from runlore.server.service import Service
from runlore.store.base import Account

_Request = Request[Account, Any, State]


@get("/projects", sync_to_thread=True, responses={200: ResponseSpec(Projects)})
def list_projects(request: _Request, service: NamedDependency[Service]) -> Response[bytes]:
    """List the projects that the caller may see, the latest active first."""
    found = service.meta.projects(request.user.entities)
    return answers.message(request, Projects(projects=[views.project(project) for project in found]))


@get("/projects/{entity:str}/{project:str}/runs", sync_to_thread=True, responses={200: ResponseSpec(Runs)})
def list_runs(
    request: _Request,
    service: NamedDependency[Service],
    entity: FromPath[str],
    project: FromPath[str],
    offset: Annotated[int, QueryParameter(ge=0, le=2**40)] = 0,
    limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 200,
    sort: FromQuery[str] = "-created_at",
    search: FromQuery[str] = "",
    filters: FromQuery[str] = "",
) -> Response[bytes]:
    """List a page of a project's runs."""
    key = service.access.project(request.user, entity, project)
    try:
        order = query.parse_order(sort)
    except UsageError as error:
        raise Refusal("bad-request", str(error), field="sort") from error
    try:
        wanted = query.parse_filter_text(filters)
        found, total = service.meta.list_runs(
            key, offset=offset, limit=limit, order=order, filters=wanted, search=search
        )
    except UsageError as error:
        raise Refusal("bad-request", str(error), field="filters") from error
    return answers.message(request, Runs(runs=[views.run(run) for run in found], total=total, offset=offset))


@get("/projects/{entity:str}/{project:str}/keys", sync_to_thread=True, responses={200: ResponseSpec(Keys)})
def list_keys(
    request: _Request, service: NamedDependency[Service], entity: FromPath[str], project: FromPath[str]
) -> Response[bytes]:
    """List the config, summary and metric keys of a project."""
    found = service.meta.key_counts(service.access.project(request.user, entity, project))
    keys = {
        kind: [Key(name=count.name, runs=count.runs) for count in found if count.kind == kind]
        for kind in ("config", "summary", "metric")
    }
    return answers.message(request, Keys(config=keys["config"], summary=keys["summary"], metrics=keys["metric"]))


@get("/runs/{entity:str}/{project:str}/{run_id:str}", sync_to_thread=True, responses={200: ResponseSpec(RunDetail)})
def show_run(
    request: _Request,
    service: NamedDependency[Service],
    entity: FromPath[str],
    project: FromPath[str],
    run_id: FromPath[str],
) -> Response[bytes]:
    """Show all that a run's page shows."""
    run = service.access.run(request.user, entity, project, run_id)
    metrics = service.series.metrics(service.meta.cuts([run.key]).get(run.key, []))
    journals = service.meta.journals_of([run.key]).get(run.key, [])
    detail = RunDetail(
        run=views.run(run),
        metadata=run.metadata,
        metrics=[views.metric(stat, run.definitions) for stat in metrics],
        writers=[views.writer(journal) for journal in journals],
        losses=[views.loss(loss) for loss in service.meta.losses(run.key)],
    )
    return answers.message(request, detail)


@patch("/runs/{entity:str}/{project:str}/{run_id:str}", sync_to_thread=True)
def edit_run(
    request: _Request,
    service: NamedDependency[Service],
    entity: FromPath[str],
    project: FromPath[str],
    run_id: FromPath[str],
    data: JSONBody[RunChange],
) -> Run:
    """Change a run from outside."""
    return views.run(change_run(service, request.user, (entity, project, run_id), data))


@get(
    "/runs/{entity:str}/{project:str}/{run_id:str}/console",
    sync_to_thread=True,
    responses={200: ResponseSpec(ConsolePage)},
)
def show_console(
    request: _Request,
    service: NamedDependency[Service],
    entity: FromPath[str],
    project: FromPath[str],
    run_id: FromPath[str],
    offset: Annotated[int, QueryParameter(ge=-(2**40), le=2**40)] = 0,
    limit: Annotated[int, QueryParameter(ge=1, le=10_000)] = 1000,
) -> Response[bytes]:
    """Show lines of a run's console output; a negative offset counts from the end."""
    run = service.access.run(request.user, entity, project, run_id)
    return answers.message(request, console_page(service.meta, run.key, offset=offset, limit=limit))
