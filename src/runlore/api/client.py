"""``Api``: the way in to a server's projects and runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from runlore import credentials
from runlore.api.connection import Connection, setting
from runlore.api.projects import Project
from runlore.api.runs import Run, Runs
from runlore.errors import NotFound, UsageError
from runlore.protocol import messages
from runlore.transport import path_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_DEFAULT_ENTITY = "~"


class Api:
    """A server, asked with one API key.

    base_url, api_key: default to the environment (``RUNLORE_BASE_URL``, ``RUNLORE_API_KEY``), then to what
    ``runlore login`` stored, then to the local server that runs. timeout: seconds that one request may take.

    Raises ServerUnreachable when no server is known, AuthenticationError when there is no key for it; nothing is asked
    of the server before the first method call.
    """

    def __init__(self, base_url: str | None = None, api_key: str | None = None, timeout: float = 30.0) -> None:
        if timeout <= 0:
            raise UsageError(f"cannot use a timeout of {timeout!r}: expected a number of seconds above 0")
        self._connection = Connection(credentials.need(base_url, api_key), timeout)
        self._me: messages.Me | None = None

    @property
    def base_url(self) -> str:
        """The server's address."""
        return self._connection.base_url

    @property
    def viewer(self) -> messages.Me:
        """Who the API key belongs to. Raises CommError and its kinds."""
        if self._me is None:
            self._me = self._connection.get("me", messages.Me)
        return self._me

    @property
    def default_entity(self) -> str:
        """The entity that paths without one belong to. Raises CommError and its kinds."""
        return self.viewer.entity

    def health(self) -> messages.Health:
        """The server's versions. Raises ServerUnreachable, IncompatibleServer."""
        return self._connection.health()

    def projects(self) -> list[Project]:
        """All projects that may be seen, the latest active first. Raises CommError and its kinds."""
        answer = self._connection.get("projects", messages.Projects)
        return [Project(self._connection, message) for message in answer.projects]

    def runs(
        self,
        path: str | None = None,
        filters: Mapping[str, Any] | None = None,
        order: str = "-created_at",
        per_page: int = 50,
        *,
        search: str = "",
    ) -> Runs:
        """The runs of a project, lazily: ``per_page`` (1 to 1000) at a time, when they are looked at.

        path: "project", "entity/project" or the address of its page; None for the project in ``RUNLORE_PROJECT``.
        filters: W&B's Mongo-style conditions, such as ``{"config.lr": {"$lt": 0.1}, "tags": "best"}``; see
        ``docs/guides/query.md``. order: fields, ``config.<path>`` or ``summary_metrics.<path>``, separated by commas, with
        ``-`` in front for descending, ``+`` or nothing for ascending. search: text in the name, id, group, tags or notes.
        Raises UsageError for a path of another form, and for filters or an order that cannot be; CommError and its
        kinds when read.
        """
        given = path if path is not None else setting("PROJECT")
        parts = self._parts(given)
        if len(parts) not in {1, 2}:
            raise UsageError(f"cannot list runs of {given!r}: expected 'project' or 'entity/project'")
        entity, project = parts if len(parts) == 2 else (self._entity(), parts[0])
        return Runs(self._connection, entity, project, filters=filters, order=order, per_page=per_page, search=search)

    def run(self, path: str | Sequence[str]) -> Run:
        """One run.

        path: "entity/project/id", "project/id", "id" (looked for in ``RUNLORE_PROJECT``, else in every project), the
        address of its page, or ``Run.path``. Raises NotFound when there is none, UsageError for a path of another form or an id that
        several projects have.
        """
        parts = self._parts(path)
        if len(parts) == 1:
            return self._run_by_id(parts[0])
        if len(parts) not in {2, 3}:
            raise UsageError(f"cannot find run {path!r}: expected 'entity/project/id', 'project/id' or 'id'")
        entity, project, run_id = parts if len(parts) == 3 else (self._entity(), *parts)
        return self._run(entity, project, run_id)

    def _entity(self) -> str:
        return setting("ENTITY") or _DEFAULT_ENTITY

    def _parts(self, path: str | Sequence[str]) -> list[str]:
        """The names in a path or in the address of a page of this server."""
        text = path.strip() if isinstance(path, str) else "/".join(path)
        if "://" in text:
            if not f"{text}/".startswith(f"{self.base_url}/"):
                raise UsageError(f"cannot use {path!r}: it is not an address of the server in use, {self.base_url}")
            text = unquote(urlsplit(text).path.removeprefix(urlsplit(self.base_url).path))
        parts = text.strip("/").split("/")
        if len(parts) == 4 and parts[2] == "runs":
            del parts[2]
        if not all(parts):
            raise UsageError(f"cannot use {path!r} as a path: expected names with single slashes between them")
        return parts

    def _run(self, entity: str, project: str, run_id: str) -> Run:
        try:
            detail = self._connection.get(f"runs/{path_of(entity, project, run_id)}", messages.RunDetail)
        except NotFound as error:
            named = "/".join(part for part in (entity, project, run_id) if part != _DEFAULT_ENTITY)
            raise NotFound(f"cannot find run {named!r} on {self.base_url}: {error}") from error
        return Run(self._connection, detail.run, detail)

    def _run_by_id(self, run_id: str) -> Run:
        project = setting("PROJECT")
        if project:
            return self._run(self._entity(), project, run_id)
        found = list(self._runs_with_id(run_id))
        if not found:
            raise NotFound(
                f"cannot find run {run_id!r} on {self.base_url}: no project that you may see has a run of that id; "
                "`runlore runs ls` lists them"
            )
        if len(found) > 1:
            places = ", ".join("/".join(run.path) for run in found)
            raise UsageError(f"cannot tell which run {run_id!r} is meant: there are {places}; give the whole path")
        return self._run(*found[0].path)

    def _runs_with_id(self, run_id: str) -> Iterator[Run]:
        for project in self.projects():
            for run in project.runs(search=run_id):
                if run.id == run_id:
                    yield run
