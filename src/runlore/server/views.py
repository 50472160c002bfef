"""Stored records as the messages that clients see."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from runlore.protocol.messages import Definition, Me, MetricInfo, Project, Run, Writer
from runlore.protocol.summary import definition_of
from runlore.server.ingest.lifecycle import iso

if TYPE_CHECKING:
    from runlore.protocol.records import Metric
    from runlore.store.base import Account, JournalRecord, LossRow, MetricStat, ProjectInfo, RunRecord


def me(account: Account) -> Me:
    """Who the caller is."""
    return Me(user=account.name, entity=account.entity, entities=list(account.entities))


def project(found: ProjectInfo) -> Project:
    """A project as listed."""
    return Project(
        entity=found.entity,
        name=found.name,
        runs=found.runs,
        running=found.running,
        created_at=iso(found.created_ns),
        last_activity=None if found.active_ns is None else iso(found.active_ns),
    )


def run(found: RunRecord) -> Run:
    """A run as listed."""
    end_ns = found.record_ns if found.finished_ns is None else found.finished_ns
    return Run(
        key=found.key,
        entity=found.entity,
        project=found.project,
        id=found.id,
        ordinal=found.ordinal,
        name=found.name,
        state=found.state,
        created_at=iso(found.created_ns),
        updated_at=iso(found.updated_ns),
        finished_at=None if found.finished_ns is None else iso(found.finished_ns),
        duration_s=max(end_ns - found.created_ns, 0) / 1e9,
        user=found.user,
        notes=found.notes,
        tags=found.tags,
        group=found.group,
        job_type=found.job_type,
        exit_code=found.exit_code,
        state_reason=found.state_reason,
        last_step=found.last_step,
        rows=found.rows,
        lost_rows=found.lost_rows,
        version=found.version,
        config=found.config,
        summary=found.summary,
    )


def metric(stat: MetricStat, definitions: dict[str, Metric]) -> MetricInfo:
    """A metric of a run with its definition."""
    defined = definition_of(stat.name, definitions) if stat.stream == "history" else None
    return MetricInfo(
        name=stat.name,
        stream=stat.stream,
        kind=stat.kind,
        count=stat.points,
        first_step=stat.first_step,
        last_step=stat.last_step,
        definition=Definition(
            x=defined.step_metric if defined else "",
            hidden=defined.hidden if defined else False,
            summary=list(defined.summary) if defined else [],
            goal=defined.goal if defined else "",
        ),
    )


def writer(journal: JournalRecord) -> Writer:
    """A journal as shown on its run."""
    return Writer(
        writer=journal.writer,
        role=journal.role,
        label=journal.label,
        host=journal.host,
        pid=journal.pid,
        offset=journal.offset,
        last_seen=iso(max(journal.seen_ns, journal.record_ns)),
        damaged_bytes=journal.damaged_bytes,
    )


def loss(found: LossRow) -> str:
    """A loss in words."""
    parts = [f"{found.rows:,} rows" if found.rows else "", f"{found.size_bytes:,} bytes" if found.size_bytes else ""]
    amount = ", ".join(part for part in parts if part) or f"{found.times:,} times"
    return f"{found.reason} ({amount})"


def run_page(base_url: str, entity: str, project: str, run_id: str) -> str:
    """Address of a run's page."""
    return f"{base_url}/{quote(entity, safe='')}/{quote(project, safe='')}/runs/{quote(run_id, safe='')}"
