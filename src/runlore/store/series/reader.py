"""Exact reads: points as they were logged, objects, and which metrics there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from sqlalchemy import func, select

from runlore.store.base import Cut, MetricStat, ObjectPoint, Points
from runlore.store.series.codec import to_floats
from runlore.store.series.schema import STREAM_CODES, history_object, metric_chunk
from runlore.store.series.source import ChunkRow, chunk_points, merged, tail_points, within
from runlore.store.series.statements import slices

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection

    from runlore.store.base import Ints
    from runlore.store.series.keys import MetricKeys
    from runlore.store.series.source import Arrived, Source
    from runlore.store.series.tail import TailBlock


def in_step_order(cuts: Sequence[Cut]) -> list[Cut]:
    """Disjoint cuts by their steps; those that are empty are left out."""
    wanted = [cut for cut in cuts if cut.lo is None or cut.hi is None or cut.lo < cut.hi]
    return sorted(wanted, key=lambda cut: float("-inf") if cut.lo is None else cut.lo)


def overlapping(chunks: Iterable[ChunkRow], cut: Cut) -> list[ChunkRow]:
    """The chunks that may have points within the cut."""
    return [
        chunk for chunk in chunks if (cut.lo is None or chunk.s1 >= cut.lo) and (cut.hi is None or chunk.s0 < cut.hi)
    ]


def points_many(
    connection: Connection,
    source: Source,
    runs: Sequence[Sequence[Cut]],
    key: int | None,
    repeats: Literal["last", "all"],
) -> list[Points]:
    """The points of a metric for each run. key: None for a metric that nobody logged."""
    if key is None:
        return [_points(merged([], newest=True)) for _ in runs]
    segments = {cut.segment for run in runs for cut in run}
    tails = source.tails(connection, segments)
    directory = source.chunks(connection, segments, key)
    replaced = source.superseded(connection, segments, key) if repeats == "all" else {}
    wanted = [chunk for run in runs for cut in run for chunk in overlapping(directory.get(cut.segment, ()), cut)]
    columns = source.columns(connection, {block for chunk in wanted for block in (chunk.axis, chunk.block)})
    answers = []
    for run in runs:
        parts: list[Arrived] = []
        for cut in in_step_order(run):
            own = [
                chunk_points(columns[chunk.axis], columns[chunk.block])
                for chunk in overlapping(directory.get(cut.segment, ()), cut)
            ]
            arrivals = [*replaced.get(cut.segment, ()), *own, tail_points(tails.get(cut.segment, ()), key)]
            cuts = [within(part, cut.lo, cut.hi) for part in arrivals]
            parts.append(merged([part for part in cuts if len(part.steps)], newest=repeats == "last"))
        answers.append(_points(merged(parts, newest=False)))
    return answers


def _points(found: Arrived) -> Points:
    return Points(found.steps, found.times_ns, to_floats(found.kinds, found.exact), found.kinds, found.exact)


def objects(
    connection: Connection,
    keys: MetricKeys,
    cuts: Sequence[Cut],
    names: Iterable[str] | None,
    repeats: Literal["last", "all"],
) -> list[ObjectPoint]:
    """The objects within the cuts, by name and step."""
    wanted = None if names is None else list(keys.find(connection, "history", names).values())
    rows: list[tuple[int, int, int, int, bytes]] = []
    for cut in in_step_order(cuts):
        query = (
            select(
                history_object.c.segment,
                history_object.c.key,
                history_object.c.step,
                history_object.c.time_ns,
                history_object.c.json,
            )
            .where(*_inside(cut))
            .order_by(history_object.c.key, history_object.c.step, history_object.c.arrival)
        )
        for part in [None] if wanted is None else slices(wanted):
            chosen = query if part is None else query.where(history_object.c.key.in_(part))
            rows.extend(tuple(row) for row in connection.execute(chosen))
    known = keys.names(connection, {row[1] for row in rows})
    found = [ObjectPoint(segment, step, time_ns, known[key][1], json) for segment, key, step, time_ns, json in rows]
    found.sort(key=lambda point: (point.name, point.step))  # stable: arrivals of a step stay in order
    if repeats == "last":
        found = list({(point.name, point.step): point for point in found}.values())
    return found


def _inside(cut: Cut) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [history_object.c.segment == cut.segment]
    if cut.lo is not None:
        conditions.append(history_object.c.step >= cut.lo)
    if cut.hi is not None:
        conditions.append(history_object.c.step < cut.hi)
    return conditions


class _Tally:
    """Counts distinct steps of a metric and remembers the outermost."""

    def __init__(self) -> None:
        self.points = 0
        self.first: int | None = None
        self.last: int | None = None

    def add(self, points: int, first: int, last: int) -> None:
        self.points += points
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)


def metrics(connection: Connection, source: Source, keys: MetricKeys, cuts: Sequence[Cut]) -> list[MetricStat]:
    """What metrics the cuts have.

    From the directory alone where it suffices; steps (never values) are read of chunks that a cut or a late arrival
    goes through.
    """
    numbers: dict[int, _Tally] = {}
    others: dict[int, _Tally] = {}
    tails = source.tails(connection, {cut.segment for cut in cuts})
    for cut in in_step_order(cuts):
        _tally_chunks(connection, source, cut, numbers)
        _tally_tail(connection, source, cut, tails.get(cut.segment, []), numbers)
        steps = history_object.c.step
        rows = connection.execute(
            select(history_object.c.key, func.count(steps.distinct()), func.min(steps), func.max(steps))
            .where(*_inside(cut))
            .group_by(history_object.c.key)
        )
        for key, points, first, last in rows:
            others.setdefault(key, _Tally()).add(points, first, last)
    names = keys.names(connection, numbers.keys() | others.keys())
    found = []
    kinds: tuple[tuple[Literal["number", "object"], dict[int, _Tally]], ...] = (("number", numbers), ("object", others))
    for kind, tallies in kinds:
        for key, tally in tallies.items():
            stream, name = names[key]
            if tally.first is not None and tally.last is not None:
                found.append(MetricStat(name, stream, kind, tally.points, tally.first, tally.last))
    return sorted(found, key=lambda stat: (stat.name, STREAM_CODES[stat.stream], stat.kind))


def _tally_chunks(connection: Connection, source: Source, cut: Cut, tallies: dict[int, _Tally]) -> None:
    own = metric_chunk.c.segment == cut.segment
    if cut.lo is None and cut.hi is None:
        rows = connection.execute(
            select(
                metric_chunk.c.key,
                func.sum(metric_chunk.c.points),
                func.min(metric_chunk.c.s0),
                func.max(metric_chunk.c.s1),
            )
            .where(own)
            .group_by(metric_chunk.c.key)
        )
        for key, points, first, last in rows:
            tallies.setdefault(key, _Tally()).add(int(points), first, last)
        return
    chunks = overlapping((ChunkRow(*row) for row in connection.execute(select(metric_chunk).where(own))), cut)
    crossed = [
        chunk
        for chunk in chunks
        if (cut.lo is not None and chunk.s0 < cut.lo) or (cut.hi is not None and chunk.s1 >= cut.hi)
    ]
    axes = source.columns(connection, {chunk.axis for chunk in crossed})
    partial = {axis: _between(columns[0], cut) for axis, columns in axes.items()}
    is_crossed = set(crossed)
    for chunk in chunks:
        if chunk not in is_crossed:
            tallies.setdefault(chunk.key, _Tally()).add(chunk.points, chunk.s0, chunk.s1)
        elif len(steps := partial[chunk.axis]):
            tallies.setdefault(chunk.key, _Tally()).add(len(steps), int(steps[0]), int(steps[-1]))


def _tally_tail(
    connection: Connection, source: Source, cut: Cut, blocks: list[TailBlock], tallies: dict[int, _Tally]
) -> None:
    """Count the steps of the tail that are not in chunks already. Metrics that came in the same blocks share the work."""
    places: dict[int, list[int]] = {}
    for at, block in enumerate(blocks):
        for key in block.layout.keys:
            places.setdefault(key, []).append(at)
    together: dict[tuple[int, ...], list[int]] = {}
    for key, found in places.items():
        together.setdefault(tuple(found), []).append(key)
    for at_blocks, keys in together.items():
        steps = _between(np.unique(np.concatenate([blocks[at].steps() for at in at_blocks])), cut)
        if not len(steps):
            continue
        first, last = int(steps[0]), int(steps[-1])
        for key in keys:
            tally = tallies.setdefault(key, _Tally())
            new = len(steps)
            if tally.last is not None and first <= tally.last:
                new -= _already_in_chunks(connection, source, cut.segment, key, steps)
            tally.add(new, first, last)


def _already_in_chunks(connection: Connection, source: Source, segment: int, key: int, steps: Ints) -> int:
    chunks = source.chunks(connection, [segment], key, lo=int(steps[0]), hi=int(steps[-1]) + 1).get(segment, [])
    axes = source.columns(connection, {chunk.axis for chunk in chunks})
    return sum(int(np.isin(axes[chunk.axis][0], steps, assume_unique=True).sum()) for chunk in chunks)


def _between(sorted_steps: Ints, cut: Cut) -> Ints:
    """The steps within the cut."""
    lo = 0 if cut.lo is None else np.searchsorted(sorted_steps, cut.lo)
    hi = len(sorted_steps) if cut.hi is None else np.searchsorted(sorted_steps, cut.hi)
    return sorted_steps[lo:hi]
