"""Where reading and folding get their bytes: directory, blocks and tails, with a cache of what never changes."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from sqlalchemy import select

from runlore.errors import StorageFailed
from runlore.store.series import codec, tail
from runlore.store.series.cache import SizedCache
from runlore.store.series.schema import metric_block, metric_chunk, metric_superseded, metric_tail, segment_tail
from runlore.store.series.statements import slices

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from runlore.store.base import Bytes, Ints
    from runlore.store.series.codec import Bits, Column
    from runlore.store.series.tail import TailBlock
    from runlore.store.series.tiles import Tile


class ChunkRow(NamedTuple):
    """A row of the directory."""

    segment: int
    key: int
    s0: int
    s1: int
    points: int
    axis: int
    block: int
    levels: int


_ROW_BYTES: Final = 400
"""About what a row of the directory takes in memory."""


class Head(NamedTuple):
    """Counters of a segment: its tail is the batches [first_batch, next_batch); ``folds`` counts changes of its chunks."""

    first_batch: int
    next_batch: int
    folds: int


class Directory:
    """The chunks of a metric in a segment, ascending."""

    def __init__(self, chunks: list[ChunkRow]) -> None:
        self.chunks = chunks
        self._starts = [chunk.s0 for chunk in chunks]
        self._ends = [chunk.s1 for chunk in chunks]

    def between(self, lo: int | None, hi: int | None) -> list[ChunkRow]:
        """The chunks that may have points in the steps [lo, hi)."""
        first = 0 if lo is None else bisect_left(self._ends, lo)
        return self.chunks[first : None if hi is None else bisect_left(self._starts, hi)]


class Arrived(NamedTuple):
    """Points as stored. All of shape (n,)."""

    steps: Ints
    times_ns: Ints
    kinds: Bytes
    exact: Bits


def none_arrived() -> Arrived:
    """No points."""
    return Arrived(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8), np.empty(0, np.uint64))


def picked(points: Arrived, which: Ints | slice | np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Arrived:
    """Some of the points."""
    return Arrived._make(column[which] for column in points)


def within(points: Arrived, lo: int | None, hi: int | None) -> Arrived:
    """The points with steps in [lo, hi), whatever their order."""
    if lo is None and hi is None:
        return points
    inside = np.ones(len(points.steps), np.bool_)
    if lo is not None:
        inside &= points.steps >= lo
    if hi is not None:
        inside &= points.steps < hi
    return picked(points, inside)


def between(ascending: Arrived, lo: int | None, hi: int | None) -> Arrived:
    """The points with steps in [lo, hi) of points in ascending order, as views."""
    first = 0 if lo is None else np.searchsorted(ascending.steps, lo)
    end = len(ascending.steps) if hi is None else np.searchsorted(ascending.steps, hi)
    return picked(ascending, slice(first, end))


def merged(parts: Sequence[Arrived], *, newest: bool) -> Arrived:
    """Parts joined and sorted by step, those that arrived first first. newest: only the last arrival of each step."""
    if not parts:
        return none_arrived()
    whole = (
        parts[0] if len(parts) == 1 else Arrived._make(np.concatenate(columns) for columns in zip(*parts, strict=True))
    )
    ahead = np.diff(whole.steps)
    if (ahead > 0).all():
        return whole
    if not (ahead >= 0).all():
        whole = picked(whole, np.argsort(whole.steps, kind="stable"))
    return picked(whole, newest_of(whole.steps)) if newest else whole


def newest_of(steps: Ints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which of sorted steps is the last of its equals."""
    is_last = np.ones(len(steps), np.bool_)
    np.not_equal(steps[1:], steps[:-1], out=is_last[:-1])
    return is_last


class Source:
    """Reads stored columns and tails. cache_bytes: bound of what it keeps decoded."""

    def __init__(self, cache_bytes: int) -> None:
        self._columns: SizedCache[tuple[Column, ...]] = SizedCache(
            cache_bytes, lambda columns: sum(column.nbytes for column in columns)
        )
        self._batches: SizedCache[list[TailBlock]] = SizedCache(cache_bytes // 2, tail.batch_bytes)
        self._directories: SizedCache[Directory] = SizedCache(
            cache_bytes // 4, lambda directory: _ROW_BYTES * (1 + len(directory.chunks))
        )
        self.tiles: SizedCache[Tile] = SizedCache(cache_bytes // 2, lambda tile: tile.nbytes + _ROW_BYTES)

    def columns(
        self, connection: Connection, blocks: Iterable[int], *, keep: bool = True
    ) -> dict[int, tuple[Column, ...]]:
        """The columns of blocks by id. keep: hold them in the cache. Raises StorageFailed when one is damaged."""
        found: dict[int, tuple[Column, ...]] = {}
        missing = []
        for block in set(blocks):
            columns = self._columns.get(block)
            if columns is None:
                missing.append(block)
            else:
                found[block] = columns
        missing.sort()
        for part in slices(missing):
            rows = connection.execute(select(metric_block.c.id, metric_block.c.data).where(metric_block.c.id.in_(part)))
            for block, data in rows:
                columns = codec.unpack(data, f"block {block} of the series")
                for column in columns:
                    column.flags.writeable = False
                found[block] = columns
                if keep:
                    self._columns.put(block, columns)
        lost = [block for block in missing if block not in found]
        if lost:
            raise StorageFailed(f"cannot read the series: its blocks {lost[:5]} are missing; check the database")
        return found

    def heads(self, connection: Connection, segments: Iterable[int]) -> dict[int, Head]:
        """The counters of segments; those that nobody wrote to are absent."""
        found: dict[int, Head] = {}
        for part in slices(sorted(set(segments))):
            rows = connection.execute(
                select(
                    segment_tail.c.segment,
                    segment_tail.c.first_batch,
                    segment_tail.c.next_batch,
                    segment_tail.c.folds,
                ).where(segment_tail.c.segment.in_(part))
            )
            for segment, *counters in rows.all():
                found[segment] = Head._make(counters)
        return found

    def tails(self, connection: Connection, segments: Iterable[int]) -> dict[int, list[TailBlock]]:
        """The blocks of the tails of segments, in order of arrival; segments without a tail are absent."""
        return self.tails_of(connection, self.heads(connection, segments))

    def tails_of(self, connection: Connection, heads: Mapping[int, Head]) -> dict[int, list[TailBlock]]:
        """``tails`` of segments whose counters are known. heads: read in the transaction of ``connection``."""
        found: dict[int, list[TailBlock]] = {}
        for segment, head in heads.items():
            if head.first_batch < head.next_batch:
                batches = self.batches(connection, segment, head.first_batch, head.next_batch)
                if len(batches) != head.next_batch - head.first_batch:
                    raise StorageFailed(f"cannot read segment {segment}: batches of its tail are missing")
                found[segment] = [block for batch in batches for block in batch]
        return found

    def directories(self, connection: Connection, heads: Mapping[int, Head], key: int) -> dict[int, Directory]:
        """The whole directory of a metric for each segment. heads: read in the transaction of ``connection``.

        Chunks change only together with ``folds``, so that what is kept for the same count is never stale.
        """
        held = {segment: self._directories.get((segment, key, head.folds)) for segment, head in heads.items()}
        missing = [segment for segment, directory in held.items() if directory is None]
        read = self.chunks(connection, missing, key)
        for segment in missing:
            directory = Directory(read.get(segment, []))
            self._directories.put((segment, key, heads[segment].folds), directory)
            held[segment] = directory
        return {segment: directory for segment, directory in held.items() if directory is not None}

    def batches(self, connection: Connection, segment: int, first: int, end: int) -> list[list[TailBlock]]:
        """The batches [first, end) of a segment, without those that are not there any more."""
        held = {number: self._batches.get((segment, number)) for number in range(first, end)}
        missing = [number for number, batch in held.items() if batch is None]
        if missing:
            rows = connection.execute(
                select(metric_tail.c.batch, metric_tail.c.data).where(
                    metric_tail.c.segment == segment,
                    metric_tail.c.batch >= missing[0],
                    metric_tail.c.batch <= missing[-1],
                )
            )
            for number, data in rows:
                batch = tail.decode(data, f"batch {number} of segment {segment}")
                self._batches.put((segment, number), batch)
                held[number] = batch
        return [batch for batch in held.values() if batch is not None]

    def chunks(
        self, connection: Connection, segments: Iterable[int], key: int, *, lo: int | None = None, hi: int | None = None
    ) -> dict[int, list[ChunkRow]]:
        """Directory rows of a metric that overlap the steps [lo, hi), ascending, by segment."""
        found: dict[int, list[ChunkRow]] = {}
        for part in slices(sorted(set(segments))):
            query = select(metric_chunk).where(metric_chunk.c.segment.in_(part), metric_chunk.c.key == key)
            if lo is not None:
                query = query.where(metric_chunk.c.s1 >= lo)
            if hi is not None:
                query = query.where(metric_chunk.c.s0 < hi)
            for row in connection.execute(query.order_by(metric_chunk.c.segment, metric_chunk.c.s0)).all():
                found.setdefault(row[0], []).append(ChunkRow._make(row))
        return found

    def superseded(self, connection: Connection, segments: Iterable[int], key: int) -> dict[int, list[Arrived]]:
        """Replaced points of a metric, oldest first, by segment."""
        blocks: dict[int, list[int]] = {}
        for part in slices(sorted(set(segments))):
            query = select(metric_superseded.c.segment, metric_superseded.c.block).where(
                metric_superseded.c.segment.in_(part), metric_superseded.c.key == key
            )
            for segment, block in connection.execute(query.order_by(metric_superseded.c.batch)):
                blocks.setdefault(segment, []).append(block)
        columns = self.columns(connection, (block for own in blocks.values() for block in own), keep=False)
        return {segment: [arrived(columns[block]) for block in own] for segment, own in blocks.items()}


def arrived(columns: tuple[Column, ...]) -> Arrived:
    """The points of a block made by ``pack_points``."""
    steps, times_ns, kinds, values = columns
    return Arrived(steps, times_ns, kinds, codec.exact_of(values))


def chunk_points(axis: tuple[Column, ...], values: tuple[Column, ...]) -> Arrived:
    """The points of a chunk."""
    return Arrived(axis[0], axis[1], values[0], codec.exact_of(values[1]))


def tail_points(blocks: Iterable[TailBlock], key: int) -> Arrived:
    """The points of a metric in a tail, in order of arrival."""
    parts = []
    for block in blocks:
        column = block.layout.place.get(key)
        if column is not None:
            kinds = np.full(block.rows, ord(block.layout.types[column]), np.uint8)
            parts.append(Arrived(block.steps(), block.times_ns(), kinds, block.exact(column)))
    if not parts:
        return none_arrived()
    return (
        parts[0] if len(parts) == 1 else Arrived._make(np.concatenate(columns) for columns in zip(*parts, strict=True))
    )
