"""The SeriesStore on SQL: joins writer, reader and fold, and opens their transactions."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Literal

from runlore.store.series import bucketing, fold, reader, swap, writer
from runlore.store.series.keys import MetricKeys
from runlore.store.series.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from runlore.store.base import Block, Buckets, Cut, MetricStat, ObjectPoint, Points, Stream, Transaction
    from runlore.store.database import SqlDatabase

CACHE_BYTES: Final = 128 << 20
"""Decoded columns held for the next reader."""


class SqlSeriesStore:
    """Points of metrics in the tables of ``schema.py``; fulfils ``SeriesStore``.

    The tables must exist. cache_bytes: bound of decoded columns held in memory; tails and tiles take half as much
    each, directories a quarter.
    Every method may raise StorageFailed, and those that write StorageFull.
    """

    def __init__(self, database: SqlDatabase, *, cache_bytes: int = CACHE_BYTES) -> None:
        self._database = database
        self._keys = MetricKeys()
        self._source = Source(cache_bytes)
        self._folding = threading.Lock()

    def append(self, tx: Transaction, blocks: Sequence[Block], objects: Sequence[ObjectPoint]) -> None:
        """Store rows; see ``SeriesStore.append``. Raises TypeError and ValueError for columns that no block may have."""
        writer.append(self._database.transaction(tx), self._keys, blocks, objects)

    def points(
        self, cuts: Sequence[Cut], metric: str, *, stream: Stream = "history", repeats: Literal["last", "all"] = "last"
    ) -> Points:
        """See ``SeriesStore.points``."""
        with self._database.read() as connection:
            key = self._key(connection, stream, metric)
            return reader.points_many(connection, self._source, [cuts], key, repeats)[0]

    def points_many(self, runs: Sequence[Sequence[Cut]], metric: str, *, stream: Stream = "history") -> list[Points]:
        """See ``SeriesStore.points_many``."""
        with self._database.read() as connection:
            key = self._key(connection, stream, metric)
            return reader.points_many(connection, self._source, runs, key, "last")

    def buckets(
        self,
        runs: Sequence[Sequence[Cut]],
        metric: str,
        *,
        lo: int,
        width: int,
        count: int,
        stream: Stream = "history",
    ) -> list[Buckets]:
        """See ``SeriesStore.buckets``. Raises UsageError for a grid that is none."""
        grid = bucketing.grid_of(lo, width, count)
        with self._database.read() as connection:
            key = self._key(connection, stream, metric)
            return bucketing.buckets(connection, self._source, runs, key, grid)

    def objects(
        self, cuts: Sequence[Cut], names: Iterable[str] | None = None, *, repeats: Literal["last", "all"] = "last"
    ) -> list[ObjectPoint]:
        """See ``SeriesStore.objects``."""
        with self._database.read() as connection:
            return reader.objects(connection, self._keys, cuts, names, repeats)

    def metrics(self, cuts: Sequence[Cut]) -> list[MetricStat]:
        """See ``SeriesStore.metrics``."""
        with self._database.read() as connection:
            return reader.metrics(connection, self._source, self._keys, cuts)

    def fold(self, *, limit_rows: int | None = None, only: Iterable[int] | None = None, force: bool = False) -> int:
        """See ``SeriesStore.fold``. One fold at a time; a second caller waits.

        Work is planned outside of any writing transaction, so that writers wait for its statements only.
        """
        folded = 0
        with self._folding:
            with self._database.read() as connection:
                found = fold.long_enough(connection, only=only, force=force)
            for counters in found:
                end = counters.next_batch
                at: fold.Counters | None = counters
                while at is not None and at.first_batch < end:
                    left = None if limit_rows is None else limit_rows - folded
                    if left is not None and left <= 0:
                        return folded
                    with self._database.read() as connection:
                        plan = fold.prepare(connection, self._source, at, end=end, limit_rows=left)
                    with self._database.write() as tx:
                        is_written = swap.commit(tx, plan)
                    folded += plan.rows if is_written else 0
                    at = at._replace(first_batch=plan.end_batch, folds=at.folds + 1) if is_written else None
        return folded

    def delete(self, tx: Transaction, segments: Sequence[int]) -> None:
        """See ``SeriesStore.delete``."""
        writer.forget(self._database.transaction(tx), segments)

    def _key(self, connection: Connection, stream: Stream, metric: str) -> int | None:
        return self._keys.find(connection, stream, [metric]).get(metric)
