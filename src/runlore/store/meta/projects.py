"""Projects, and which keys their runs have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, case, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from runlore.store.base import KeyCount, ProjectInfo
from runlore.store.meta import schema
from runlore.store.meta.connection import SqlRoom

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from sqlalchemy import Connection, Select

    from runlore.store.base import Transaction

LIVE_STATES = ("running", "pending", "preempting")
"""The states of a run that has not ended."""


class SqlProjects(SqlRoom):
    """The projects of the ``RunStore`` in SQL."""

    def open_project(self, tx: Transaction, entity: str, name: str, *, now_ns: int) -> int:
        """See ``RunStore.open_project``."""
        connection = self._writing(tx)
        known = connection.scalar(_project(entity, name))
        if known is not None:
            return known
        owner = select(schema.entity.c.id).where(schema.entity.c.name == entity).scalar_subquery()
        result = connection.execute(
            insert(schema.project).values(entity_id=owner, name=name, created_ns=now_ns, last_ordinal=0)
        )
        assert result.inserted_primary_key is not None
        return int(result.inserted_primary_key[0])

    def project(self, entity: str, name: str) -> int | None:
        """See ``RunStore.project``."""
        with self._reading() as connection:
            return connection.scalar(_project(entity, name))

    def projects(self, entities: Sequence[str]) -> list[ProjectInfo]:
        """See ``RunStore.projects``."""
        project, run = schema.project, schema.run
        active = func.max(run.c.updated_ns)
        statement = (
            select(
                project.c.id,
                schema.entity.c.name,
                project.c.name,
                func.count(run.c.key),
                func.coalesce(func.sum(case((run.c.state.in_(LIVE_STATES), 1), else_=0)), 0),
                project.c.created_ns,
                active,
            )
            .join(schema.entity, schema.entity.c.id == project.c.entity_id)
            .outerjoin(run, run.c.project_id == project.c.id)
            .where(schema.entity.c.name.in_(entities))
            .group_by(project.c.id, schema.entity.c.name, project.c.name, project.c.created_ns)
            .order_by(func.coalesce(active, project.c.created_ns).desc(), project.c.id)
        )
        with self._reading() as connection:
            return [ProjectInfo(*row) for row in connection.execute(statement)]

    def key_counts(self, project: int) -> list[KeyCount]:
        """See ``RunStore.key_counts``."""
        columns = schema.project_key.c
        statement = (
            select(columns.kind, columns.name, columns.runs)
            .where(columns.project_id == project, columns.runs > 0)
            .order_by(columns.runs.desc(), columns.name)
        )
        with self._reading() as connection:
            return [KeyCount(*row) for row in connection.execute(statement)]


def count_keys(connection: Connection, changes: Counter[tuple[int, str, str]]) -> None:
    """Add to how many runs of a project have a key: (project, kind, name) → difference."""
    rows = [
        {"project_id": project, "kind": kind, "name": name, "runs": difference}
        for (project, kind, name), difference in changes.items()
        if difference
    ]
    if not rows:
        return
    statement = upsert(schema.project_key)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["project_id", "kind", "name"],
            set_={"runs": schema.project_key.c.runs + statement.excluded.runs},
        ),
        rows,
    )


def next_ordinal(connection: Connection, project: int) -> int:
    """Count the project's runs up by one and return the new number."""
    columns = schema.project.c
    statement = (
        update(schema.project)
        .where(columns.id == bindparam("project"))
        .values(last_ordinal=columns.last_ordinal + 1)
        .returning(columns.last_ordinal)
    )
    return int(connection.execute(statement, {"project": project}).scalar_one())


def _project(entity: str, name: str) -> Select[int]:
    return (
        select(schema.project.c.id)
        .join(schema.entity, schema.entity.c.id == schema.project.c.entity_id)
        .where(schema.entity.c.name == entity, schema.project.c.name == name)
    )
