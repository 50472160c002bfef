"""Runs in SQL: opening, reading, writing back, and their metrics' names."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import Row, Select, bindparam, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from runlore.protocol import query
from runlore.protocol.records import Metric
from runlore.protocol.summary import State
from runlore.store.base import Cut, RunRecord
from runlore.store.meta import schema
from runlore.store.meta.connection import SqlRoom
from runlore.store.meta.documents import to_text
from runlore.store.meta.listing import filtered, ordered
from runlore.store.meta.projects import LIVE_STATES, count_keys, next_ordinal
from runlore.store.meta.run_index import Change, index

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runlore.store.base import MetricName, Stream, Transaction

_PLAIN: Final = (
    "name", "state", "live_state", "is_silent", "created_ns", "updated_ns", "finished_ns", "record_ns", "user", "notes",
    "group", "job_type", "exit_code", "state_reason", "last_step", "rows", "lost_rows", "version",
)  # fmt: skip
_STATES: Final = msgspec.msgpack.Decoder(dict[str, State])
_DEFINITIONS: Final = msgspec.msgpack.Decoder(dict[str, Metric])
_pack: Final = msgspec.msgpack.encode
_json: Final = msgspec.json.decode

_UPDATE: Final = (
    update(schema.run)
    .where(schema.run.c.key == bindparam("of_key"))
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in (*_PLAIN, "tags", "config", "summary", "metadata", "states", "definitions")
        }
    )
)


def _whole() -> Select[Any]:
    """Runs with the names of their project and entity, and their newest segment."""
    run, project, entity, segment = schema.run, schema.project, schema.entity, schema.run_segment
    newest = (
        select(segment.c.segment)
        .where(segment.c.run == run.c.key)
        .order_by(segment.c.position.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(run, project.c.name.label("project_name"), entity.c.name.label("entity_name"), newest.label("segment"))
        .join(project, project.c.id == run.c.project_id)
        .join(entity, entity.c.id == project.c.entity_id)
    )


def _record(row: Row[Any]) -> RunRecord:
    values = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    return RunRecord(
        key=values["key"],
        project_key=values["project_id"],
        entity=values["entity_name"],
        project=values["project_name"],
        id=values["id"],
        ordinal=values["ordinal"],
        segment=values["segment"],
        tags=_json(values["tags"]),
        config=_json(values["config"]),
        summary=_json(values["summary"]),
        metadata=_json(values["metadata"]),
        states=_STATES.decode(values["states"]),
        definitions=_DEFINITIONS.decode(values["definitions"]),
        **{name: values[name] for name in _PLAIN},
    )


class SqlRuns(SqlRoom):
    """The runs of the ``RunStore`` in SQL."""

    def open_run(
        self, tx: Transaction, project: int, run_id: str, *, user: str, name: str, now_ns: int
    ) -> tuple[int, bool]:
        """See ``RunStore.open_run``."""
        connection = self._writing(tx)
        run = schema.run
        known = connection.scalar(select(run.c.key).where(run.c.project_id == project, run.c.id == run_id))
        if known is not None:
            return int(known), False
        result = connection.execute(
            insert(run).values(
                project_id=project, id=run_id, ordinal=next_ordinal(connection, project), name=name, state="running",
                live_state="running", is_silent=False, created_ns=now_ns, updated_ns=now_ns, record_ns=now_ns,
                user=user, notes="", tags="[]", group="", job_type="", state_reason="", rows=0, lost_rows=0, version=0,
                config="{}", summary="{}", metadata="{}", states=_pack({}), definitions=_pack({}),
            )
        )  # fmt: skip
        assert result.inserted_primary_key is not None
        key = int(result.inserted_primary_key[0])
        connection.execute(insert(schema.run_segment).values(run=key, position=0))
        return key, True

    def find_run(self, entity: str, project: str, run_id: str) -> RunRecord | None:
        """See ``RunStore.find_run``."""
        statement = _whole().where(
            schema.entity.c.name == entity, schema.project.c.name == project, schema.run.c.id == run_id
        )
        with self._reading() as connection:
            row = connection.execute(statement).first()
        return None if row is None else _record(row)

    def runs_by_key(self, keys: Sequence[int], tx: Transaction | None = None) -> dict[int, RunRecord]:
        """See ``RunStore.runs_by_key``."""
        with self._reading(tx) as connection:
            rows = connection.execute(_whole().where(schema.run.c.key.in_(keys))).all()
        return {row.key: _record(row) for row in rows}

    def save_runs(self, tx: Transaction, runs: Sequence[RunRecord]) -> None:
        """See ``RunStore.save_runs``."""
        if not runs:
            return
        connection = self._writing(tx)
        run = schema.run.c
        stored = {
            row.key: row
            for row in connection.execute(
                select(run.key, run.project_id, run.config, run.summary).where(
                    run.key.in_([record.key for record in runs])
                )
            )
        }
        changes: list[Change] = []
        rows: list[dict[str, Any]] = []
        for record in runs:
            record.version += 1
            row: dict[str, Any] = {f"new_{name}": getattr(record, name) for name in _PLAIN}
            row |= {f"new_{name}": to_text(getattr(record, name)) for name in ("tags", "config", "summary", "metadata")}
            row |= {f"new_{name}": _pack(getattr(record, name)) for name in ("states", "definitions")}
            rows.append(row | {"of_key": record.key})
            old = stored[record.key]
            changes.append(Change(old.project_id, record.key, "config", old.config, row["new_config"]))
            changes.append(Change(old.project_id, record.key, "summary", old.summary, row["new_summary"]))
        connection.execute(_UPDATE, rows)
        index(connection, changes)

    def list_runs(
        self,
        project: int,
        *,
        offset: int,
        limit: int,
        order: Sequence[query.Term] = query.NEWEST_FIRST,
        filters: query.Filter = query.EVERYTHING,
        search: str = "",
    ) -> tuple[list[RunRecord], int]:
        """See ``RunStore.list_runs``."""
        matching = filtered(project, filters, search)
        page = ordered(select(schema.run.c.key), project, order).where(*matching).offset(offset).limit(limit)
        with self._reading() as connection:
            keys = list(connection.scalars(page))
            total = connection.scalar(select(func.count()).select_from(schema.run).where(*matching)) or 0
            rows = connection.execute(_whole().where(schema.run.c.key.in_(keys))).all() if keys else []
        found = {row.key: _record(row) for row in rows}
        return [found[key] for key in keys], total

    def cuts(self, runs: Sequence[int]) -> dict[int, list[Cut]]:
        """See ``RunStore.cuts``."""
        columns = schema.run_segment.c
        statement = (
            select(columns.run, columns.segment, columns.lo, columns.hi)
            .where(columns.run.in_(runs))
            .order_by(columns.run, columns.position)
        )
        found: dict[int, list[Cut]] = defaultdict(list)
        with self._reading() as connection:
            for run, segment, lo, hi in connection.execute(statement):
                found[run].append(Cut(segment, lo, hi))
        return dict(found)

    def live_runs(self) -> list[int]:
        """See ``RunStore.live_runs``."""
        with self._reading() as connection:
            return list(connection.scalars(select(schema.run.c.key).where(schema.run.c.state.in_(LIVE_STATES))))

    def metric_names(self, tx: Transaction, run: int) -> set[tuple[Stream, str]]:
        """See ``RunStore.metric_names``."""
        columns = schema.run_metric.c
        rows = self._writing(tx).execute(select(columns.stream, columns.name).where(columns.run == run))
        return {(stream, name) for stream, name in rows}

    def add_metric_names(self, tx: Transaction, names: Sequence[MetricName]) -> None:
        """See ``RunStore.add_metric_names``."""
        if not names:
            return
        connection = self._writing(tx)
        columns = schema.run_metric.c
        by_run: dict[int, list[MetricName]] = defaultdict(list)
        for name in names:
            by_run[name.run].append(name)
        known = {tuple(row) for row in connection.execute(select(schema.run_metric).where(columns.run.in_(by_run)))}
        rows = [name._asdict() for name in names if tuple(name) not in known]
        if not rows:
            return
        connection.execute(upsert(schema.run_metric).on_conflict_do_nothing(), rows)
        fresh = {(row["run"], row["name"]) for row in rows if row["stream"] == "history"}
        projects = select(schema.run.c.key, schema.run.c.project_id).where(schema.run.c.key.in_(by_run))
        owners = {key: project for key, project in connection.execute(projects)}  # noqa: C416 - a Result is no mapping
        count_keys(connection, Counter((owners[run], "metric", name) for run, name in fresh))
