"""Merging tails into chunks: work that is planned beside the writers and committed in one short transaction.

A fold takes the oldest batches of one segment. Metrics that arrived in the same rows are handled as one matrix.
The plan is made from a consistent read; ``swap.commit`` writes it only if nobody changed the segment's chunks since,
so that a fold that is interrupted, or loses a race, leaves everything as it was.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from sqlalchemy import and_, func, or_, select, tuple_

from runlore.store.series import codec, levels
from runlore.store.series.levels import BLOCK_BITS, CHUNK_POINTS, RECORDS
from runlore.store.series.schema import (
    metric_chunk,
    metric_superseded,
    segment_tail,
)
from runlore.store.series.source import Arrived, ChunkRow, arrived, merged, newest_of
from runlore.store.series.statements import slices
from runlore.store.series.swap import Plan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from runlore.store.base import Ints
    from runlore.store.series.codec import Bits
    from runlore.store.series.source import Source
    from runlore.store.series.tail import TailBlock

FOLD_ROWS: Final = 2_048
FOLD_BYTES: Final = 1 << 20
FOLD_BATCHES: Final = 256
"""A tail is long enough to fold when it has so many rows, compressed bytes or batches."""

PLAN_VALUES: Final = 2_000_000
"""Values merged in one transaction, about: bounds its memory and the time that writers wait."""

_SLAB_VALUES: Final = 1_000_000
"""Values of a matrix of metrics that are merged at once."""

_FULL_POINTS: Final = CHUNK_POINTS * 3 // 4
"""The last chunk takes no more steps of later blocks when it has so many points."""


class Counters(NamedTuple):
    """A segment's row of ``segment_tail``."""

    segment: int
    first_batch: int
    next_batch: int
    rows: int
    size_bytes: int
    folds: int


class _Group(NamedTuple):
    """Metrics that arrived in the same rows, in order of arrival. steps, times_ns: shape (n,)."""

    keys: list[int]
    blocks: list[TailBlock]
    steps: Ints
    times_ns: Ints


def long_enough(connection: Connection, *, only: Iterable[int] | None, force: bool) -> list[Counters]:
    """The tails to fold, longest first."""
    tail = segment_tail.c
    query = select(tail.segment, tail.first_batch, tail.next_batch, tail.rows, tail.size_bytes, tail.folds).where(
        tail.first_batch < tail.next_batch
    )
    if not force:
        query = query.where(
            or_(
                tail.rows >= FOLD_ROWS,
                tail.size_bytes >= FOLD_BYTES,
                tail.next_batch - tail.first_batch >= FOLD_BATCHES,
            )
        )
    parts = [query] if only is None else [query.where(tail.segment.in_(part)) for part in slices(sorted(set(only)))]
    found = [Counters(*row) for part in parts for row in connection.execute(part)]
    return sorted(found, key=lambda counters: (-counters.rows, counters.segment))


def prepare(connection: Connection, source: Source, counters: Counters, *, end: int, limit_rows: int | None) -> Plan:
    """The plan that folds the oldest batches before ``end``: at least one, then as many as the limits allow."""
    batches = source.batches(connection, counters.segment, counters.first_batch, end)
    plan = Plan(counters.segment, counters.folds, counters.first_batch, counters.first_batch)
    values = 0
    blocks: list[TailBlock] = []
    for batch in batches:
        rows = sum(block.rows for block in batch)
        values += sum(block.rows * len(block.layout.keys) for block in batch)
        if blocks and (values > PLAN_VALUES or (limit_rows is not None and plan.rows + rows > limit_rows)):
            break
        blocks.extend(batch)
        plan.rows += rows
        plan.end_batch += 1
    for group in _groups(blocks):
        _plan_group(connection, source, plan, group)
    return plan


def _groups(blocks: list[TailBlock]) -> Iterable[_Group]:
    places: dict[int, list[int]] = {}
    for at, block in enumerate(blocks):
        for key in block.layout.keys:
            places.setdefault(key, []).append(at)
    together: dict[tuple[int, ...], list[int]] = {}
    for key, found in places.items():
        together.setdefault(tuple(found), []).append(key)
    for at_blocks, keys in together.items():
        own = [blocks[at] for at in at_blocks]
        yield _Group(
            sorted(keys),
            own,
            np.concatenate([block.steps() for block in own]),
            np.concatenate([block.times_ns() for block in own]),
        )


def _plan_group(connection: Connection, source: Source, plan: Plan, group: _Group) -> None:
    """Plan the metrics of a group, those together whose chunks stand on the same axes."""
    touched = _touched(connection, plan.segment, group.keys, int(group.steps.min()))
    standing = {
        key: tuple((chunk.s0, chunk.s1, chunk.points, chunk.axis) for chunk in touched.get(key, ()))
        for key in group.keys
    }
    slab = max(1, _SLAB_VALUES // (len(group.steps) + CHUNK_POINTS))
    order = None if (np.diff(group.steps) > 0).all() else np.argsort(group.steps, kind="stable")
    for _, same in groupby(sorted(group.keys, key=lambda key: standing[key]), key=lambda key: standing[key]):
        keys = list(same)
        axes = _Axes(plan, len(keys))
        for at in range(0, len(keys), slab):
            part = keys[at : at + slab]
            _plan_keys(
                connection, source, plan, axes, _arrivals(group, part), order, [touched.get(key, []) for key in part]
            )


def _touched(connection: Connection, segment: int, keys: list[int], first_step: int) -> dict[int, list[ChunkRow]]:
    """The chunks from the block of ``first_step`` on, and the last one of each metric, ascending."""
    chunk = metric_chunk.c
    found: dict[int, list[ChunkRow]] = {}
    for part in slices(keys):
        own = and_(chunk.segment == segment, chunk.key.in_(part))
        last = select(chunk.key, func.max(chunk.s0)).where(own).group_by(chunk.key)
        query = (
            select(metric_chunk)
            .where(own, or_(chunk.s1 >= first_step >> BLOCK_BITS << BLOCK_BITS, tuple_(chunk.key, chunk.s0).in_(last)))
            .order_by(chunk.key, chunk.s0)
        )
        for row in connection.execute(query):
            found.setdefault(row.key, []).append(ChunkRow(*row))
    return found


class _Axes:
    """Blocks of steps and times, made once for all metrics whose new chunks stand on them."""

    def __init__(self, plan: Plan, metrics: int) -> None:
        self._plan = plan
        self._metrics = metrics
        self._made: dict[int, tuple[int, list[int]]] = {}

    def of(self, steps: Ints, times_ns: Ints) -> tuple[int, list[int]]:
        """The number of the axis' block, and the levels that chunks on it keep."""
        first = int(steps[0])
        if first not in self._made:
            number = self._plan.add_block(codec.pack_axis(steps, times_ns), self._metrics)
            self._made[first] = (number, levels.kept_levels(steps))
        return self._made[first]


class _Rows(NamedTuple):
    """Points of several metrics at the same steps. steps, times_ns: shape (n,); kinds, exact: shape (metrics, n)."""

    keys: list[int]
    steps: Ints
    times_ns: Ints
    kinds: NDArray[np.uint8]
    exact: Bits

    def at(self, which: Ints | slice | NDArray[np.bool_]) -> _Rows:
        """Some of the steps."""
        return _Rows(self.keys, self.steps[which], self.times_ns[which], self.kinds[:, which], self.exact[:, which])

    def then(self, more: _Rows) -> _Rows:
        """These steps followed by those of ``more``."""
        return _Rows(
            self.keys,
            np.concatenate([self.steps, more.steps]),
            np.concatenate([self.times_ns, more.times_ns]),
            np.concatenate([self.kinds, more.kinds], axis=1),
            np.concatenate([self.exact, more.exact], axis=1),
        )


def _arrivals(group: _Group, keys: list[int]) -> _Rows:
    """Some metrics of a group, in order of arrival."""
    exact, kinds = [], []
    for block in group.blocks:
        columns = [block.layout.place[key] for key in keys]
        if 2 * len(columns) >= len(block.layout.keys):
            exact.append(block.all_exact()[columns])
        else:
            exact.append(np.stack([block.exact(column) for column in columns]))
        letters = np.frombuffer(block.layout.types.encode(), np.uint8)[columns]
        kinds.append(np.broadcast_to(letters[:, None], (len(keys), block.rows)))
    return _Rows(keys, group.steps, group.times_ns, np.concatenate(kinds, axis=1), np.concatenate(exact, axis=1))


def _plan_keys(
    connection: Connection,
    source: Source,
    plan: Plan,
    axes: _Axes,
    rows: _Rows,
    order: Ints | None,
    chunks: list[list[ChunkRow]],
) -> None:
    """Plan metrics whose arrivals have the same steps and whose chunks (of each metric, ascending) the same axes."""
    hidden: list[_Rows] = []
    if order is not None:
        rows = rows.at(order)
        is_newest = newest_of(rows.steps)
        if not is_newest.all():
            hidden.append(rows.at(~is_newest))
            rows = rows.at(is_newest)
    standing = chunks[0]
    region = _regions(rows.steps, standing)
    starts = levels.starts_of(region)
    for first, end in zip(starts, [*starts[1:], len(region)], strict=True):
        at = int(region[first])
        whole = rows.at(slice(first, end))
        if at < len(standing):
            old = _stored(connection, source, rows.keys, [own[at] for own in chunks])
            plan.replaced.extend(own[at] for own in chunks)
            is_later = old.steps[-1] < whole.steps[0]
            whole = old.then(whole)
            if not is_later:
                whole = whole.at(np.argsort(whole.steps, kind="stable"))
                is_newest = newest_of(whole.steps)
                if not is_newest.all():
                    hidden.insert(0, whole.at(~is_newest))
                    whole = whole.at(is_newest)
        for begin, stop in _splits(whole.steps, is_last=at >= len(standing) - 1):
            _add_chunks(plan, axes, whole.at(slice(begin, stop)))
    if hidden:
        _add_superseded(connection, source, plan, hidden)


def _regions(steps: Ints, standing: list[ChunkRow]) -> Ints:
    """Which chunk each step (ascending) goes into; past the last chunk for those that begin a new one."""
    if not standing:
        return np.zeros(len(steps), np.int64)
    blocks = steps >> BLOCK_BITS
    first_blocks = np.array([chunk.s0 >> BLOCK_BITS for chunk in standing], np.int64)
    region = np.maximum(np.searchsorted(first_blocks, blocks, side="right") - 1, 0).astype(np.int64)
    last = standing[-1]
    if last.points >= _FULL_POINTS:
        region[blocks > last.s1 >> BLOCK_BITS] = len(standing)
    return region


def _splits(steps: Ints, *, is_last: bool) -> list[tuple[int, int]]:
    """Where to cut steps into chunks: only between blocks of 2^14 steps.

    The last chunk of a metric grows, so those before it are filled; one in the middle is halved as often as needed.
    """
    if len(steps) <= CHUNK_POINTS:
        return [(0, len(steps))]
    target = CHUNK_POINTS if is_last else len(steps) // -(-len(steps) // CHUNK_POINTS)
    edges = np.append(levels.starts_of(steps >> BLOCK_BITS)[1:], len(steps))
    found = []
    begin = 0
    while begin < len(steps):
        at = int(np.searchsorted(edges, begin + target, side="right")) - 1
        if at < 0 or edges[at] <= begin:
            at += 1
        stop = int(edges[at])
        found.append((begin, stop))
        begin = stop
    return found


def _stored(connection: Connection, source: Source, keys: list[int], chunks: list[ChunkRow]) -> _Rows:
    """The points of one chunk of each metric, all on the same axis."""
    columns = source.columns(connection, [chunks[0].axis, *(chunk.block for chunk in chunks)], keep=False)
    steps, times_ns = columns[chunks[0].axis]
    values = [columns[chunk.block] for chunk in chunks]
    kinds = np.stack([kinds for kinds, _ in values])
    return _Rows(keys, steps, times_ns, kinds, np.stack([codec.exact_of(exact) for _, exact in values]))


def _add_chunks(plan: Plan, axes: _Axes, rows: _Rows) -> None:
    """A new chunk of each metric, with its roll-ups."""
    axis, kept = axes.of(rows.steps, rows.times_ns)
    s0, s1 = int(rows.steps[0]), int(rows.steps[-1])
    for key, kinds, exact in zip(rows.keys, rows.kinds, rows.exact, strict=True):
        plan.chunks.append(
            {
                "segment": plan.segment,
                "key": key,
                "s0": s0,
                "s1": s1,
                "points": len(rows.steps),
                "axis": axis,
                "block": plan.add_block(codec.pack_values(kinds, exact)),
                "levels": levels.mask_of(kept),
            }
        )
    if kept:
        _add_levels(plan, rows, kept)


def _add_levels(plan: Plan, rows: _Rows, kept: list[int]) -> None:
    metrics, length = rows.exact.shape
    level = levels.LEVELS[0]
    index = rows.steps >> level
    starts = levels.starts_of(index)
    every = (np.arange(metrics)[:, None] * length + starts).ravel()
    owner = np.repeat(np.arange(metrics), len(starts))
    cells = levels.of_points(
        np.tile(index[starts], metrics),
        codec.to_floats(rows.kinds, rows.exact).ravel(),
        np.tile(rows.times_ns, metrics),
        every,
    )
    for wanted in kept:
        owner, cells = levels.climb(owner, cells, level, wanted)
        level = wanted
        size = len(owner) // metrics
        for at, key in enumerate(rows.keys):
            own = levels.chosen(cells, slice(at * size, (at + 1) * size))
            is_small = size <= RECORDS
            plan.levels.append(
                {
                    "segment": plan.segment,
                    "key": key,
                    "level": wanted,
                    "s0": int(rows.steps[0]),
                    "block": None if is_small else plan.add_block(levels.to_block(own)),
                    "data": levels.to_records(own) if is_small else None,
                }
            )


def _add_superseded(connection: Connection, source: Source, plan: Plan, hidden: list[_Rows]) -> None:
    """Keep what was replaced, in order of step and arrival, together with what the last such block has room for."""
    whole = hidden[0]
    for more in hidden[1:]:
        whole = whole.then(more)
    lasts: dict[int, tuple[int, int, int]] = {}
    table = metric_superseded.c
    for part in slices(whole.keys):
        rows = connection.execute(
            select(table.key, table.batch, table.points, table.block)
            .where(table.segment == plan.segment, table.key.in_(part))
            .order_by(table.batch)
        )
        lasts |= {key: (batch, points, block) for key, batch, points, block in rows}
    lasts = {key: last for key, last in lasts.items() if last[1] + len(whole.steps) <= CHUNK_POINTS}
    columns = source.columns(connection, [block for _, _, block in lasts.values()], keep=False)
    for key, kinds, exact in zip(whole.keys, whole.kinds, whole.exact, strict=True):
        parts = [Arrived(whole.steps, whole.times_ns, kinds, exact)]
        if key in lasts:
            batch, _, block = lasts[key]
            parts.insert(0, arrived(columns[block]))
            plan.replaced_superseded.append((key, batch, block))
        points = merged(parts, newest=False)
        plan.superseded.append(
            {
                "segment": plan.segment,
                "key": key,
                "batch": plan.end_batch - 1,
                "points": len(points.steps),
                "block": plan.add_block(codec.pack_points(*points)),
            }
        )
