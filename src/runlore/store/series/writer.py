"""Appending and forgetting: the two changes that come from outside. Statements are for sets, never for rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, insert, select, update

from runlore.store.series import tail
from runlore.store.series.schema import (
    history_object,
    metric_block,
    metric_chunk,
    metric_level,
    metric_superseded,
    metric_tail,
    segment_tail,
)
from runlore.store.series.statements import slices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runlore.store.base import Block, ObjectPoint, Stream
    from runlore.store.database import SqlTransaction
    from runlore.store.series.keys import MetricKeys

_COUNTERS = ("first_batch", "next_batch", "next_object", "rows", "size_bytes", "folds")


def append(tx: SqlTransaction, keys: MetricKeys, blocks: Sequence[Block], objects: Sequence[ObjectPoint]) -> None:
    """Store rows as new batches of their segments' tails, and objects as rows of their own."""
    grouped: dict[int, list[Block]] = {}
    names: dict[Stream, dict[str, None]] = {}
    for block in blocks:
        if len(block.steps) and block.columns:
            grouped.setdefault(block.segment, []).append(block)
            names.setdefault(block.stream, {}).update(dict.fromkeys(block.columns))
    if objects:
        names.setdefault("history", {}).update(dict.fromkeys(point.name for point in objects))
    if not names:
        return
    numbers = {stream: keys.assign(tx, stream, wanted) for stream, wanted in names.items()}
    segments = sorted(grouped.keys() | {point.segment for point in objects})
    counters = _counters(tx, segments)
    new = [segment for segment in segments if segment not in counters]
    counters |= {segment: dict.fromkeys(_COUNTERS, 0) for segment in new}

    batches = []
    for segment, own in grouped.items():
        data = tail.encode(own, numbers)
        counter = counters[segment]
        batches.append({"segment": segment, "batch": counter["next_batch"], "data": data})
        counter["next_batch"] += 1
        counter["rows"] += sum(len(block.steps) for block in own)
        counter["size_bytes"] += len(data)
    arrivals = []
    for point in objects:
        counter = counters[point.segment]
        arrivals.append(
            {
                "segment": point.segment,
                "key": numbers["history"][point.name],
                "step": point.step,
                "arrival": counter["next_object"],
                "time_ns": point.time_ns,
                "json": point.json,
            }
        )
        counter["next_object"] += 1

    if batches:
        tx.connection.execute(insert(metric_tail), batches)
    if arrivals:
        tx.connection.execute(insert(history_object), arrivals)
    if new:
        tx.connection.execute(insert(segment_tail), [{"segment": segment} | counters[segment] for segment in new])
    old = [segment for segment in segments if segment not in new]
    if old:
        changed = ("next_batch", "next_object", "rows", "size_bytes")
        tx.connection.execute(
            update(segment_tail)
            .where(segment_tail.c.segment == bindparam("at"))
            .values({name: bindparam(f"new_{name}") for name in changed}),
            [{"at": segment} | {f"new_{name}": counters[segment][name] for name in changed} for segment in old],
        )


def forget(tx: SqlTransaction, segments: Sequence[int]) -> None:
    """Delete all that belongs to the segments. Their counters stay, so that no batch number is used twice."""
    for part in slices(segments):
        for table in (metric_tail, metric_chunk, metric_level, metric_superseded, metric_block, history_object):
            tx.connection.execute(delete(table).where(table.c.segment.in_(part)))
        tx.connection.execute(
            update(segment_tail)
            .where(segment_tail.c.segment.in_(part))
            .values(first_batch=segment_tail.c.next_batch, rows=0, size_bytes=0, folds=segment_tail.c.folds + 1)
        )


def _counters(tx: SqlTransaction, segments: Sequence[int]) -> dict[int, dict[str, int]]:
    return {
        row.segment: {name: getattr(row, name) for name in _COUNTERS}
        for part in slices(segments)
        for row in tx.connection.execute(select(segment_tail).where(segment_tail.c.segment.in_(part)))
    }
