"""Aggregates on a grid, from the coarsest roll-ups that are fine enough, and from points where roll-ups do not hold.

A block of 2^14 steps is answered either wholly from one chunk's roll-up or wholly from points: from points when it
has unfolded arrivals, when a cut runs through it, or when its chunk is cut or keeps no level that is fine enough. So
every cell is whole when it is summed, and the answer is bit for bit that of the points alone.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import numpy as np
from sqlalchemy import select

from runlore.errors import StorageFailed, UsageError
from runlore.store.series import levels, tiles
from runlore.store.series.codec import to_floats
from runlore.store.series.levels import BLOCK_BITS, LEVELS, Cells
from runlore.store.series.reader import in_step_order
from runlore.store.series.schema import metric_level
from runlore.store.series.source import between, chunk_points, merged, tail_points, within
from runlore.store.series.statements import slices

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection

    from runlore.store.base import Buckets, Cut, Floats, Ints
    from runlore.store.series.source import Arrived, ChunkRow, Directory, Source
    from runlore.store.series.tiles import Tile

    _Pointwise: TypeAlias = tuple[int, Cut, list[ChunkRow], Arrived]
    """A run, one of its cuts, the chunks to read there, and the arrivals to merge into them."""

_POINTS_AT_ONCE: Final = 1 << 19
"""Bounds the memory of a query that reads points, and keeps what it works on near the processor."""

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
        self.from_points: list[_Pointwise] = []


class _Part(NamedTuple):
    """A cut of a run with what is known of it. arrivals: of the tail, within the cut."""

    cut: Cut
    directory: Directory
    arrivals: Arrived

    def chunks(self, lo: int, hi: int) -> list[ChunkRow]:
        """Its chunks that may have points in [lo, hi)."""
        cut = self.cut
        return self.directory.between(
            lo if cut.lo is None else max(lo, cut.lo), hi if cut.hi is None else min(hi, cut.hi)
        )


def buckets(
    connection: Connection, source: Source, runs: Sequence[Sequence[Cut]], key: int | None, grid: Grid
) -> list[Buckets]:
    """The buckets of a metric for each run. key: None for a metric that nobody logged."""
    if key is None or not grid.size:
        return tiles.to_buckets([[] for _ in runs], 0)
    parts = _parts(connection, source, runs, key)
    tile_bits = tiles.tile_bits(grid.lo, grid.hi, grid.bits)
    if tile_bits is None:
        owner, cells = _made(connection, source, parts, key, grid)
        ends = np.searchsorted(owner, np.arange(len(runs) + 1))
        whole = tiles.packed(cells)
        found = [[whole[:, ends[at] : ends[at + 1]]] for at in range(len(runs))]
    else:
        found = _tiled(connection, source, parts, key, grid, tile_bits)
    return tiles.to_buckets(found, grid.lo >> grid.bits)


def _parts(connection: Connection, source: Source, runs: Sequence[Sequence[Cut]], key: int) -> list[list[_Part]]:
    heads = source.heads(connection, {cut.segment for run in runs for cut in run})
    tails = source.tails_of(connection, heads)
    directories = source.directories(connection, heads, key)
    return [
        [
            _Part(cut, directories[cut.segment], within(tail_points(tails.get(cut.segment, ()), key), cut.lo, cut.hi))
            for cut in in_step_order(run)
            if cut.segment in heads
        ]
        for run in runs
    ]


def _tiled(
    connection: Connection, source: Source, runs: Sequence[list[_Part]], key: int, grid: Grid, tile_bits: int
) -> list[list[Tile]]:
    """The buckets of each run, in tiles. What is not kept is made for all runs that lack the same tiles at once."""
    first, last = grid.lo >> tile_bits, (grid.hi - 1) >> tile_bits
    found: list[dict[int, Tile]] = []
    lacking: dict[tuple[int, int], list[int]] = {}
    names: dict[tuple[int, int], tuple[object, ...] | None] = {}
    for run_at, parts in enumerate(runs):
        own: dict[int, Tile] = {}
        lacks = []
        fresh = {number for part in parts for number in np.unique(part.arrivals.steps >> tile_bits).tolist()}
        for number in range(first, last + 1):
            lo, hi = number << tile_bits, (number + 1) << tile_bits
            holders = [(part.cut, chunks) for part in parts if (chunks := part.chunks(lo, hi))]
            if not holders and number not in fresh:
                continue
            name = None
            if len(holders) == 1 and number not in fresh:
                cut, chunks = holders[0]
                if (cut.lo is None or cut.lo <= lo) and (cut.hi is None or cut.hi >= hi):
                    name = tiles.name_of(grid.bits, number, chunks)
                    tile = source.tiles.get(name)
                    if tile is not None:
                        own[number] = tile
                        continue
            lacks.append(number)
            names[run_at, number] = name
        found.append(own)
        if lacks:
            lacking.setdefault((lacks[0], lacks[-1]), []).append(run_at)
    for (low, high), run_ats in lacking.items():
        span = Grid(
            low << tile_bits, (high + 1) << tile_bits, grid.bits, (high + 1 - low) << tile_bits >> grid.bits, grid.level
        )
        owner, cells = _made(connection, source, [runs[at] for at in run_ats], key, span)
        number_of = cells.cell >> (tile_bits - grid.bits)
        starts = levels.starts_of(owner, number_of)
        whole = tiles.packed(cells)
        for begin, end in pairwise([*starts.tolist(), len(owner)]):
            run_at, number = run_ats[owner[begin]], int(number_of[begin])
            if (run_at, number) in names:
                found[run_at][number] = tile = whole[:, begin:end].copy()
                name = names[run_at, number]
                if name is not None:
                    source.tiles.put(name, tile)
    ends = (grid.lo >> grid.bits, grid.hi >> grid.bits)
    return [
        [
            tiles.part(own[number], *ends) if number in {first, last} else own[number]
            for number in range(first, last + 1)
            if number in own
        ]
        for own in found
    ]


def _made(
    connection: Connection, source: Source, runs: Sequence[list[_Part]], key: int, grid: Grid
) -> tuple[Ints, Cells]:
    """The buckets of all runs from roll-ups and points, by run, and which run (index) each is of."""
    plan = _plan(runs, grid)
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
    if sum(len(own) > 0 for own in owners) > 1:
        order = np.lexsort((cells.cell, owner))
        owner, cells = owner[order], levels.chosen(cells, order)
    if grid.level is not None:
        index = cells.cell >> (grid.bits - grid.level)
        starts = levels.starts_of(owner, index)
        owner, cells = owner[starts], levels.coarser(cells, index[starts], starts)
    return owner, cells


def _plan(runs: Sequence[list[_Part]], grid: Grid) -> _Plan:
    plan = _Plan()
    for run_at, run in enumerate(runs):
        parts: list[tuple[_Part, Arrived]] = []
        raw: set[int] = set()
        for part in run:
            arrivals = within(part.arrivals, grid.lo, grid.hi)
            raw.update(np.unique(arrivals.steps >> BLOCK_BITS).tolist())
            raw.update(edge >> BLOCK_BITS for edge in part.cut[1:] if edge is not None and edge & _BLOCK_MASK)
            parts.append((part, arrivals))
        blocks = sorted(raw)
        for part, arrivals in parts:
            pointwise = []
            for chunk in part.chunks(grid.lo, grid.hi):
                level = _level_for(chunk, part.cut, blocks, grid)
                if level is None:
                    pointwise.append(chunk)
                else:
                    plan.from_level.setdefault(level, []).append((run_at, chunk))
            if pointwise or len(arrivals.steps):
                plan.from_points.append((run_at, part.cut, pointwise, arrivals))
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
    owners, parts = [np.empty(0, np.int64)], [levels.no_cells()]
    for batch in _batches(plan.from_points):
        owner, cells = _cells_of_batch(connection, source, batch, grid)
        owners.append(owner)
        parts.append(cells)
    return np.concatenate(owners), levels.joined(parts)


def _batches(from_points: Iterable[_Pointwise]) -> Iterator[list[_Pointwise]]:
    """Whole runs together, as many as have about ``_POINTS_AT_ONCE`` points."""
    batch: list[_Pointwise] = []
    size = 0
    for item in from_points:
        if size >= _POINTS_AT_ONCE and item[0] != batch[-1][0]:
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += sum(chunk.points for chunk in item[2]) + len(item[3].steps)
    if batch:
        yield batch


def _cells_of_batch(
    connection: Connection, source: Source, batch: Sequence[_Pointwise], grid: Grid
) -> tuple[Ints, Cells]:
    columns = source.columns(
        connection, {block for _, _, chunks, _ in batch for chunk in chunks for block in (chunk.axis, chunk.block)}
    )
    steps: list[Ints] = []
    values: list[Floats] = []
    begins = [0]  # of each run's points among all of them
    run_ats: list[int] = []
    for run_at, cut, chunks, arrivals in batch:
        lo = grid.lo if cut.lo is None else max(cut.lo, grid.lo)
        hi = grid.hi if cut.hi is None else min(cut.hi, grid.hi)
        stored = [between(chunk_points(columns[c.axis], columns[c.block]), lo, hi) for c in chunks]
        parts = [merged([*stored, arrivals], newest=True)] if len(arrivals.steps) else stored
        if not run_ats or run_at != run_ats[-1]:
            run_ats.append(run_at)
            begins.append(begins[-1])
        for part in parts:
            steps.append(part.steps)
            values.append(to_floats(part.kinds, part.exact))
            begins[-1] += len(part.steps)
    bits = grid.bits if grid.level is None else LEVELS[0]
    index = np.concatenate(steps) >> bits
    if not len(index):
        return np.empty(0, np.int64), levels.no_cells()
    is_new = np.empty(len(index), np.bool_)
    np.not_equal(index[1:], index[:-1], out=is_new[1:])
    is_new[[begin for begin in begins if begin < len(index)]] = True
    starts = np.flatnonzero(is_new)
    owner = np.array(run_ats, np.int64)[np.searchsorted(begins, starts, side="right") - 1]
    cells = levels.of_points(index[starts], np.concatenate(values), None, starts)
    return levels.climb(owner, cells, bits, grid.level or bits)


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
