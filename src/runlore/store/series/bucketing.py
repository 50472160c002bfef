"""Aggregates on a grid, from the coarsest roll-ups that are fine enough, and from points where roll-ups do not hold.

A block of 2^14 steps is answered either wholly from one chunk's roll-up or wholly from points: from points when it
has unfolded arrivals, when a cut runs through it, or when its chunk is cut or keeps no level that is fine enough. So
every cell is whole when it is summed, and the answer is bit for bit that of the points alone.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from sqlalchemy import select

from runlore.errors import StorageFailed, UsageError
from runlore.store.base import Buckets, Cut
from runlore.store.series import levels
from runlore.store.series.codec import to_floats
from runlore.store.series.levels import BLOCK_BITS, LEVELS, Cells
from runlore.store.series.reader import in_step_order, overlapping
from runlore.store.series.schema import metric_level
from runlore.store.series.source import chunk_points, merged, tail_points, within
from runlore.store.series.statements import slices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from runlore.store.base import Ints
    from runlore.store.series.source import Arrived, ChunkRow, Source

_INT64_LIMIT: Final = 2**63
_BLOCK_MASK: Final = (1 << BLOCK_BITS) - 1


class Grid(NamedTuple):
    """The buckets [lo + b·2^bits, lo + (b+1)·2^bits), b in [0, size).

    hi: end of the last bucket, not in it. level: the highest whose cells are not wider than a bucket; None without any.
    """

    lo: int
    hi: int
    bits: int
    size: int
    level: int | None


def grid_of(lo: int, width: int, count: int) -> Grid:
    """The grid. Raises UsageError when width is no power of two, lo no multiple of it, or count negative."""
    if width < 1 or width & (width - 1) or lo % width or count < 0:
        raise UsageError(
            f"cannot bucket from {lo} in {count} buckets of {width} steps: the width must be a power of two, "
            "the start a multiple of it, the count not negative"
        )
    bits = width.bit_length() - 1
    level = max((level for level in LEVELS if level <= bits), default=None)
    return Grid(lo, min(lo + count * width, _INT64_LIMIT - 1), bits, count, level)


class _Plan:
    """What to read: chunks by the level that answers for them, and points."""

    def __init__(self) -> None:
        self.from_level: dict[int, list[tuple[int, ChunkRow]]] = {}
        self.from_points: list[tuple[int, Cut, list[ChunkRow], Arrived]] = []


def buckets(
    connection: Connection, source: Source, runs: Sequence[Sequence[Cut]], key: int | None, grid: Grid
) -> list[Buckets]:
    """The buckets of a metric for each run. key: None for a metric that nobody logged."""
    if key is None or not grid.size:
        return [_to_buckets(grid, levels.no_cells()) for _ in runs]
    plan = _plan(connection, source, runs, key, grid)
    owner, cells = _cells_of_points(connection, source, plan, grid)
    owners, parts = [owner], [cells]
    for level, chunks in plan.from_level.items():
        for held_by, stored in _stored_cells(connection, source, chunks, key, level):
            inside = (stored.cell >= grid.lo >> level) & (stored.cell < (grid.hi + (1 << level) - 1) >> level)
            own = levels.chosen(stored, inside)
            owner, cells = levels.climb(held_by[inside], own, level, level if grid.level is None else grid.level)
            owners.append(owner)
            parts.append(cells)
    owner = np.concatenate(owners)
    cells = levels.joined(parts)
    if len(parts) > 1:
        order = np.lexsort((cells.cell, owner))
        owner, cells = owner[order], levels.chosen(cells, order)
    if grid.level is not None:
        index = cells.cell >> (grid.bits - grid.level)
        starts = levels.starts_of(owner, index)
        owner, cells = owner[starts], levels.coarser(cells, index[starts], starts)
    ends = np.searchsorted(owner, np.arange(len(runs) + 1))
    return [_to_buckets(grid, levels.chosen(cells, slice(ends[at], ends[at + 1]))) for at in range(len(runs))]


def _to_buckets(grid: Grid, cells: Cells) -> Buckets:
    return Buckets(
        bucket=cells.cell - (grid.lo >> grid.bits),
        points=cells.points,
        low=cells.low,
        high=cells.high,
        total=cells.total,
        first=cells.first,
        last=cells.last,
        nan=cells.nan,
        pinf=cells.pinf,
        ninf=cells.ninf,
    )


def _plan(connection: Connection, source: Source, runs: Sequence[Sequence[Cut]], key: int, grid: Grid) -> _Plan:
    segments = {cut.segment for run in runs for cut in run}
    tails = source.tails(connection, segments)
    directory = source.chunks(connection, segments, key, lo=grid.lo, hi=grid.hi)
    plan = _Plan()
    for run_at, run in enumerate(runs):
        parts: list[tuple[Cut, Arrived]] = []
        raw: set[int] = set()
        for cut in in_step_order(run):
            lo = grid.lo if cut.lo is None else max(cut.lo, grid.lo)
            hi = grid.hi if cut.hi is None else min(cut.hi, grid.hi)
            arrivals = within(tail_points(tails.get(cut.segment, ()), key), lo, hi)
            raw.update(np.unique(arrivals.steps >> BLOCK_BITS).tolist())
            raw.update(edge >> BLOCK_BITS for edge in (cut.lo, cut.hi) if edge is not None and edge & _BLOCK_MASK)
            parts.append((cut, arrivals))
        blocks = sorted(raw)
        for cut, arrivals in parts:
            pointwise = []
            for chunk in overlapping(directory.get(cut.segment, ()), cut):
                level = _level_for(chunk, cut, blocks, grid)
                if level is None:
                    pointwise.append(chunk)
                else:
                    plan.from_level.setdefault(level, []).append((run_at, chunk))
            if pointwise or len(arrivals.steps):
                plan.from_points.append((run_at, cut, pointwise, arrivals))
    return plan


def _level_for(chunk: ChunkRow, cut: Cut, raw_blocks: list[int], grid: Grid) -> int | None:
    """The level that answers for a chunk, None when its points must. raw_blocks: ascending, answered from points."""
    if grid.level is None or (cut.lo is not None and chunk.s0 < cut.lo) or (cut.hi is not None and chunk.s1 >= cut.hi):
        return None
    at = bisect_left(raw_blocks, chunk.s0 >> BLOCK_BITS)
    if at < len(raw_blocks) and raw_blocks[at] <= chunk.s1 >> BLOCK_BITS:
        return None
    return levels.best_level(chunk.levels, grid.level)


def _cells_of_points(connection: Connection, source: Source, plan: _Plan, grid: Grid) -> tuple[Ints, Cells]:
    """Cells of the grid's level, or its buckets where no level is fine enough, made from points."""
    columns = source.columns(
        connection, {block for _, _, chunks, _ in plan.from_points for c in chunks for block in (c.axis, c.block)}
    )
    owners: list[Ints] = []
    parts: list[Arrived] = []
    for run_at, cut, chunks, arrivals in plan.from_points:
        lo = grid.lo if cut.lo is None else max(cut.lo, grid.lo)
        hi = grid.hi if cut.hi is None else min(cut.hi, grid.hi)
        stored = [within(chunk_points(columns[c.axis], columns[c.block]), lo, hi) for c in chunks]
        found = merged([*stored, arrivals], newest=True)
        owners.append(np.full(len(found.steps), run_at, np.int64))
        parts.append(found)
    if not parts:
        return np.empty(0, np.int64), levels.no_cells()
    owner = np.concatenate(owners)
    steps, times_ns, kinds, exact = (np.concatenate(column) for column in zip(*parts, strict=True))
    values = to_floats(kinds, exact)
    bits = grid.bits if grid.level is None else LEVELS[0]
    index = steps >> bits
    starts = levels.starts_of(owner, index)
    cells = levels.of_points(index[starts], values, times_ns, starts)
    return levels.climb(owner[starts], cells, bits, grid.level or bits)


def _stored_cells(
    connection: Connection, source: Source, chunks: Sequence[tuple[int, ChunkRow]], key: int, level: int
) -> list[tuple[Ints, Cells]]:
    """The stored cells of chunks at one level: those in records in one go, and those in blocks."""
    wanted = [chunk for _, chunk in chunks]
    segments = sorted({chunk.segment for chunk in wanted})
    rows: dict[tuple[int, int], tuple[int | None, bytes | None]] = {}
    for part in slices(segments):
        query = select(metric_level.c.segment, metric_level.c.s0, metric_level.c.block, metric_level.c.data).where(
            metric_level.c.segment.in_(part),
            metric_level.c.key == key,
            metric_level.c.level == level,
            metric_level.c.s0 >= min(chunk.s0 for chunk in wanted),
            metric_level.c.s0 <= max(chunk.s0 for chunk in wanted),
        )
        rows |= {(segment, s0): (block, data) for segment, s0, block, data in connection.execute(query).all()}
    found = []
    records: list[bytes] = []
    holders: list[int] = []
    in_blocks: list[tuple[int, int]] = []
    for run_at, chunk in chunks:
        block, data = rows.get((chunk.segment, chunk.s0), (None, None))
        if data is None and block is None:
            raise StorageFailed(f"cannot read segment {chunk.segment}: its roll-up of level {level} is missing")
        if data is not None:
            records.append(data)
            holders.append(run_at)
        elif block is not None:
            in_blocks.append((run_at, block))
    if records:
        sizes, cells = levels.from_records(records, f"a roll-up of level {level} of the series")
        found.append((np.repeat(np.array(holders, np.int64), sizes), cells))
    if in_blocks:
        columns = source.columns(connection, [block for _, block in in_blocks])
        parts = [levels.from_block(columns[block]) for _, block in in_blocks]
        lengths = [len(part.cell) for part in parts]
        owner = np.repeat(np.array([run_at for run_at, _ in in_blocks], np.int64), lengths)
        found.append((owner, levels.joined(parts)))
    return found
