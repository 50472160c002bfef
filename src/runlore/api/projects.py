"""Projects as the server lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runlore.api.runs import Runs
from runlore.transport import path_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runlore.api.connection import Connection
    from runlore.protocol import messages


class Project:
    """A project: entity, name, number of runs. created_at, last_activity: ISO 8601 in UTC, the latter None without runs."""

    def __init__(self, connection: Connection, message: messages.Project) -> None:
        self._connection = connection
        self.entity = message.entity
        self.name = message.name
        self.run_count = message.runs
        self.running_count = message.running
        self.created_at = message.created_at
        self.last_activity = message.last_activity

    def __repr__(self) -> str:
        return f"<Project {self.entity}/{self.name}: {self.run_count} runs>"

    @property
    def url(self) -> str:
        """The project's page."""
        return f"{self._connection.base_url}/{path_of(self.entity, self.name)}"

    def runs(
        self,
        filters: Mapping[str, Any] | None = None,
        order: str = "-created_at",
        per_page: int = 50,
        *,
        search: str = "",
    ) -> Runs:
        """The project's runs, as ``Api.runs`` gives them."""
        return Runs(
            self._connection,
            self.entity,
            self.name,
            filters=filters,
            order=order,
            per_page=per_page,
            search=search,
        )
