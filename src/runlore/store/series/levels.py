"""Roll-ups: exact aggregates of points on absolute power-of-two grids, and what a sum over a bucket means.

A cell of level L covers the steps [i·2^L, (i+1)·2^L). Everything here is a pure function of points, so that a cell is
the same whether it was stored beside a chunk or made while reading.

Sums of floating-point numbers depend on their order; this is the order, the same wherever the sum is made: the total
of a level-6 cell adds its finite values from left to right, starting from 0; the total of a cell of a higher level adds
those of the cells of the level below; the total of a bucket adds those of the highest level not wider than the bucket,
or the values themselves when the bucket is narrower than 2^6.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from runlore.store.series import codec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from runlore.store.base import Floats, Ints

LEVELS: Final = (6, 9, 12, 14)
"""Logarithms of the cell widths, ascending. Totals and stored roll-ups depend on them: they never change."""

BLOCK_BITS: Final = LEVELS[-1]
"""Chunks never share a block of 2^14 steps: no cell of any level has points of two chunks."""

CHUNK_POINTS: Final = 1 << BLOCK_BITS
"""Most points in a chunk; a block never has more."""

_LEAST_POINTS: Final = 1024
_LEAST_POINTS_A_CELL: Final = 32
_LEAST_CELLS_A_CELL: Final = 4
"""A level is kept where it saves reading and costs few bytes: not for short chunks, nor for widely spaced steps."""

TIME_UNIT_NS: Final = 1_000_000
"""The times that a cell spans are widened to whole milliseconds, which takes a fifth off its bytes."""

RECORDS: Final = 32
"""Up to so many cells are stored as records, which turn into arrays for many chunks in one call: level 9 and higher of
dense steps.
"""

RECORD: Final = np.dtype(
    [
        ("cell", "<i8"),
        ("points", "<u4"),
        ("nan", "<u4"),
        ("pinf", "<u4"),
        ("ninf", "<u4"),
        ("low", "<f8"),
        ("high", "<f8"),
        ("total", "<f8"),
        ("first", "<f8"),
        ("last", "<f8"),
        ("time_low", "<i8"),
        ("time_high", "<i8"),
    ]
)


class Cells(NamedTuple):
    """Aggregates of cells, ascending by their number on the grid, all of shape (m,): as ``Buckets``, with the times they span."""

    cell: Ints
    points: Ints
    nan: Ints
    pinf: Ints
    ninf: Ints
    low: Floats
    high: Floats
    total: Floats
    first: Floats
    last: Floats
    time_low: Ints
    time_high: Ints


_INT_FIELDS: Final = frozenset({"cell", "points", "nan", "pinf", "ninf", "time_low", "time_high"})


def starts_of(*sorted_keys: Ints) -> Ints:
    """Where a new group begins in arrays that are sorted together. Shape (groups,)."""
    length = len(sorted_keys[0])
    if not length:
        return np.empty(0, np.int64)
    is_new = np.zeros(length, np.bool_)
    is_new[0] = True
    for key in sorted_keys:
        is_new[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(is_new)


def of_points(cell: Ints, values: Floats, times_ns: Ints | None, starts: Ints) -> Cells:
    """The cells of points. starts: shape (m,), where each group begins; cell: shape (m,), the number of each group.

    times_ns: None when nobody will ask for the times of the cells, which then are 0.
    """
    if not len(starts):
        return no_cells()
    counts = np.diff(starts, append=len(values))
    finite = np.isfinite(values)
    none = np.zeros(len(starts), np.int64)
    if finite.all():
        nan = pinf = ninf = none
        low = np.minimum.reduceat(values, starts)
        high = np.maximum.reduceat(values, starts)
        addends = values
    else:
        nan = _count(np.isnan(values), starts)
        pinf = _count(values == np.inf, starts)
        ninf = _count(values == -np.inf, starts)
        low = np.minimum.reduceat(np.where(finite, values, np.inf), starts)
        high = np.maximum.reduceat(np.where(finite, values, -np.inf), starts)
        is_empty = nan + pinf + ninf == counts
        low[is_empty] = np.nan
        high[is_empty] = np.nan
        addends = np.where(finite, values, 0.0)
    return Cells(
        cell=cell,
        points=counts,
        nan=nan,
        pinf=pinf,
        ninf=ninf,
        low=low + 0.0,  # which of 0 and -0 is the least is not defined: it is 0
        high=high + 0.0,
        total=_sum(addends, counts),
        first=values[starts],
        last=values[starts + counts - 1],
        time_low=none if times_ns is None else np.minimum.reduceat(times_ns, starts) // TIME_UNIT_NS * TIME_UNIT_NS,
        time_high=none
        if times_ns is None
        else -(-np.maximum.reduceat(times_ns, starts) // TIME_UNIT_NS) * TIME_UNIT_NS,
    )


def coarser(cells: Cells, cell: Ints, starts: Ints) -> Cells:
    """Cells merged into wider ones. starts: shape (m,), the first cell of each; cell: shape (m,), the new numbers."""
    if not len(starts):
        return no_cells()
    counts = np.diff(starts, append=len(cells.cell))
    return Cells(
        cell=cell,
        points=np.add.reduceat(cells.points, starts),
        nan=np.add.reduceat(cells.nan, starts),
        pinf=np.add.reduceat(cells.pinf, starts),
        ninf=np.add.reduceat(cells.ninf, starts),
        low=np.fmin.reduceat(cells.low, starts),
        high=np.fmax.reduceat(cells.high, starts),
        total=_sum(cells.total, counts),
        first=cells.first[starts],
        last=cells.last[starts + counts - 1],
        time_low=np.minimum.reduceat(cells.time_low, starts),
        time_high=np.maximum.reduceat(cells.time_high, starts),
    )


def climb(owner: Ints, cells: Cells, level: int, target: int) -> tuple[Ints, Cells]:
    """Cells of ``level`` brought to the level ``target`` one level after the other.

    owner: shape (m,), which series a cell belongs to; cells are sorted by owner and number. Returns the new owners too.
    """
    for higher in LEVELS:
        if level < higher <= target:
            cell = cells.cell >> (higher - level)
            starts = starts_of(owner, cell)
            cells = coarser(cells, cell[starts], starts)
            owner = owner[starts]
            level = higher
    return owner, cells


def kept_levels(steps: Ints) -> list[int]:
    """The levels that are stored for a chunk with these steps."""
    kept = []
    if len(steps) >= _LEAST_POINTS:
        allowed = len(steps) // _LEAST_POINTS_A_CELL
        for level in LEVELS:
            cells = len(starts_of(steps >> level))
            if cells <= allowed:
                kept.append(level)
                allowed = cells // _LEAST_CELLS_A_CELL
    return kept


def mask_of(kept: Iterable[int]) -> int:
    """Levels as the bits of an integer."""
    return sum(1 << level for level in kept)


@lru_cache
def best_level(mask: int, wanted: int) -> int | None:
    """The highest kept level that is not above ``wanted``."""
    return max((level for level in LEVELS if level <= wanted and mask >> level & 1), default=None)


def to_records(cells: Cells) -> bytes:
    """Cells as compressed records, first bytes of all of them first."""
    records = np.empty(len(cells.cell), RECORD)
    for name, column in zip(Cells._fields, cells, strict=True):
        records[name] = column
    planes = records.view(np.uint8).reshape(-1, RECORD.itemsize).T
    return codec.compress(planes.tobytes())


def from_records(rows: Sequence[bytes], what: str) -> tuple[Ints, Cells]:
    """The cells of many ``to_records``, one after the other, and how many each had. Shape of the first (rows,).

    what: names them in messages. Raises StorageFailed when one is damaged.
    """
    bodies = [codec.decompress(row, what) for row in rows]
    sizes = np.array([len(body) for body in bodies], np.int64) // RECORD.itemsize
    ends = np.cumsum(sizes)
    records = np.empty(int(ends[-1]) if len(ends) else 0, RECORD)
    for size in np.unique(sizes):  # full chunks are alike: all of them are turned in one go
        alike = np.flatnonzero(sizes == size)
        planes = np.frombuffer(b"".join(bodies[at] for at in alike), np.uint8)
        turned = np.ascontiguousarray(planes.reshape(len(alike), RECORD.itemsize, size).transpose(0, 2, 1))
        places = (ends[alike, None] - size + np.arange(size)).ravel()
        records[places] = turned.reshape(-1).view(RECORD)
    return sizes, Cells._make(
        records[name].astype(np.int64 if name in _INT_FIELDS else np.float64) for name in Cells._fields
    )


def to_block(cells: Cells) -> bytes:
    """Cells as a block."""
    packer = codec.Packer(len(cells.cell))
    for name, column in zip(Cells._fields, cells, strict=True):
        if name in _INT_FIELDS:
            packer.ints(column.view(np.int64))
        else:
            packer.floats(np.ascontiguousarray(column).view(np.uint64))
    return packer.done()


def from_block(columns: tuple[codec.Column, ...]) -> Cells:
    """The cells of an unpacked block."""
    return Cells._make(
        (
            column if name in _INT_FIELDS else column.view(np.float64)
            for name, column in zip(Cells._fields, columns, strict=True)
        )
    )


def joined(parts: list[Cells]) -> Cells:
    """Cells one after the other."""
    if len(parts) == 1:
        return parts[0]
    return Cells._make(np.concatenate(columns) for columns in zip(*parts, strict=True)) if parts else no_cells()


def chosen(cells: Cells, which: Ints | slice | np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Cells:
    """Some of the cells."""
    return Cells._make(column[which] for column in cells)


def no_cells() -> Cells:
    """Empty arrays."""
    return Cells._make(np.empty(0, np.int64 if name in _INT_FIELDS else np.float64) for name in Cells._fields)


def _count(flags: np.ndarray[tuple[int], np.dtype[np.bool_]], starts: Ints) -> Ints:
    return np.add.reduceat(flags.astype(np.int64), starts)


def _sum(addends: Floats, counts: Ints) -> Floats:
    """Sums of consecutive groups, each from left to right from 0: ``bincount`` adds one after the other."""
    groups = np.repeat(np.arange(len(counts)), counts)
    sums: Floats = np.bincount(groups, weights=addends, minlength=len(counts))  # type: ignore[assignment]
    return sums
