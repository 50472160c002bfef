"""Tiles: buckets of one segment, made once and kept for the next reader, as maps are kept in squares.

A tile is a run of consecutive buckets of one width on the absolute grid. Grids of one width therefore meet the same
tiles wherever they begin. A tile is kept only when it is made of whole chunks of one segment and of nothing else: no
unfolded arrival, no cut through it. It is named by the blocks of these chunks; blocks never change and their numbers
are never used again, so that no tile can be stale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from runlore.store.base import Buckets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from runlore.store.series.levels import Cells
    from runlore.store.series.source import ChunkRow

    Tile: TypeAlias = NDArray[np.int64]

_TILE_BITS: Final = 8
"""A tile has 2^8 buckets, so that the unfolded end of a running history spoils a fraction of a chart only."""

_LEAST_BITS: Final = 14
"""A tile is not narrower than a block of steps, so that no cell has points of two tiles."""

_LEAST_BUCKET_BITS: Final = 3
"""Narrower buckets would make tiles large, and are made of few points."""

_MOST_BUCKETS: Final = 1 << 14
"""Grids of more buckets would push everything else out of the cache."""

_FURTHEST: Final = 2**62
"""Beyond these steps the end of a tile would be no int64."""

_FLOATS: Final = frozenset({"low", "high", "total", "first", "last"})


def tile_bits(lo: int, hi: int, bits: int) -> int | None:
    """The logarithm of the steps of a tile for the grid [lo, hi) of buckets of 2^bits steps; None when none are kept."""
    if bits < _LEAST_BUCKET_BITS or (hi - lo) >> bits > _MOST_BUCKETS or lo < -_FURTHEST or hi > _FURTHEST:
        return None
    return max(bits + _TILE_BITS, _LEAST_BITS)


def name_of(bits: int, number: int, chunks: Sequence[ChunkRow]) -> tuple[object, ...]:
    """What a tile made of these chunks is kept as."""
    return bits, number, tuple((chunk.axis, chunk.block) for chunk in chunks)


def packed(cells: Cells) -> Tile:
    """Cells as the rows of one array, shape (fields of ``Buckets``, m), floats by their bits; buckets by absolute number."""
    tile = np.empty((len(Buckets._fields), len(cells.cell)), np.int64)
    tile[0] = cells.cell
    for at, name in enumerate(Buckets._fields[1:], 1):
        column = getattr(cells, name)
        tile[at] = column.view(np.int64) if name in _FLOATS else column
    return tile


def part(tile: Tile, lo: int, hi: int) -> Tile:
    """The buckets with absolute numbers in [lo, hi), as a view."""
    first, end = np.searchsorted(tile[0], (lo, hi))
    return tile[:, first:end]


def to_buckets(parts: Sequence[Sequence[Tile]], lo: int) -> list[Buckets]:
    """The answer for each run from its tiles, ascending. lo: absolute number of the grid's bucket 0."""
    flat = [tile for own in parts for tile in own]
    whole = np.concatenate(flat, axis=1) if flat else np.empty((len(Buckets._fields), 0), np.int64)
    whole[0] -= lo
    rows = [row.view(np.float64) if name in _FLOATS else row for name, row in zip(Buckets._fields, whole, strict=True)]
    answers = []
    begin = 0
    for own in parts:
        end = begin + sum(tile.shape[1] for tile in own)
        answers.append(Buckets._make([row[begin:end] for row in rows]))
        begin = end
    return answers
