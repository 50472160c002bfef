"""The reference backend: series in plain Python lists, obviously right and slow. Tests compare the real one with it.

A change made in a transaction is a function kept until the commit, so that a rollback is to forget it.
"""

from __future__ import annotations

import math
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from runlore.errors import UsageError
from runlore.store.base import Block, Buckets, Cut, MetricStat, ObjectPoint, Points

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from runlore.store.base import Stream, Transaction

_LETTERS = {"float64": "d", "float32": "f", "float16": "e", "int64": "q", "uint64": "Q", "bool": "?"}
_LEVELS = (6, 9, 12, 14)


class MemoryTransaction:
    """Changes that wait for the commit."""

    def __init__(self) -> None:
        self.changes: list[Callable[[], None]] = []


class MemoryDatabase:
    """Transactions without a database."""

    def __init__(self) -> None:
        self._writing = threading.Lock()

    @contextmanager
    def write(self) -> Iterator[MemoryTransaction]:
        """The writing transaction; its changes are made when the block ends, and forgotten when it raises."""
        with self._writing:
            transaction = MemoryTransaction()
            yield transaction
            for change in transaction.changes:
                change()

    def close(self) -> None:
        """Nothing to close."""


class _Arrival(NamedTuple):
    step: int
    time_ns: int
    letter: str
    value: np.generic


class MemorySeriesStore:
    """All arrivals in lists; fulfils ``SeriesStore``."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, Stream, str], list[_Arrival]] = {}
        self._objects: dict[tuple[int, str], list[ObjectPoint]] = {}

    def append(self, tx: Transaction, blocks: Sequence[Block], objects: Sequence[ObjectPoint]) -> None:
        """See ``SeriesStore.append``."""
        _own(tx).changes.append(lambda: self._append(list(blocks), list(objects)))

    def _append(self, blocks: list[Block], objects: list[ObjectPoint]) -> None:
        for block in blocks:
            for name, values in block.columns.items():
                arrivals = self._numbers.setdefault((block.segment, block.stream, name), [])
                letter = _LETTERS[values.dtype.name]
                for step, time_ns, value in zip(block.steps, block.times_ns, values, strict=True):
                    arrivals.append(_Arrival(int(step), int(time_ns), letter, value))
        for point in objects:
            self._objects.setdefault((point.segment, point.name), []).append(point)

    def points(
        self, cuts: Sequence[Cut], metric: str, *, stream: Stream = "history", repeats: Literal["last", "all"] = "last"
    ) -> Points:
        """See ``SeriesStore.points``."""
        found: list[_Arrival] = []
        for cut in cuts:
            own = [a for a in self._numbers.get((cut.segment, stream, metric), []) if _is_within(a.step, cut)]
            if repeats == "last":
                own = list({arrival.step: arrival for arrival in own}.values())
            found.extend(own)
        found.sort(key=lambda arrival: arrival.step)
        return Points(
            steps=np.array([a.step for a in found], np.int64),
            times_ns=np.array([a.time_ns for a in found], np.int64),
            values=np.array([np.float64(a.value) for a in found], np.float64),
            kinds=np.array([ord(a.letter) for a in found], np.uint8),
            exact=np.array([_exact(a) for a in found], np.uint64),
        )

    def points_many(self, runs: Sequence[Sequence[Cut]], metric: str, *, stream: Stream = "history") -> list[Points]:
        """See ``SeriesStore.points_many``."""
        return [self.points(cuts, metric, stream=stream) for cuts in runs]

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
        """See ``SeriesStore.buckets``."""
        if width < 1 or width & (width - 1) or lo % width or count < 0:
            raise UsageError(f"cannot bucket from {lo} in {count} buckets of {width} steps")
        found = []
        for cuts in runs:
            points = self.points(cuts, metric, stream=stream)
            members: dict[int, list[tuple[int, float]]] = {}
            for step, value in zip(points.steps.tolist(), points.values.tolist(), strict=True):
                if lo <= step < lo + count * width:
                    members.setdefault((step - lo) // width, []).append((step, value))
            found.append(_buckets(members, width))
        return found

    def objects(
        self, cuts: Sequence[Cut], names: Iterable[str] | None = None, *, repeats: Literal["last", "all"] = "last"
    ) -> list[ObjectPoint]:
        """See ``SeriesStore.objects``."""
        wanted = None if names is None else set(names)
        found: list[ObjectPoint] = []
        for cut in cuts:
            for (segment, name), arrivals in self._objects.items():
                if segment == cut.segment and (wanted is None or name in wanted):
                    own = [point for point in arrivals if _is_within(point.step, cut)]
                    found.extend({point.step: point for point in own}.values() if repeats == "last" else own)
        return sorted(found, key=lambda point: (point.name, point.step))

    def metrics(self, cuts: Sequence[Cut]) -> list[MetricStat]:
        """See ``SeriesStore.metrics``."""
        steps: dict[tuple[str, Stream, Literal["number", "object"]], set[int]] = {}
        for cut in cuts:
            for (segment, stream, name), arrivals in self._numbers.items():
                if segment == cut.segment:
                    own = {arrival.step for arrival in arrivals if _is_within(arrival.step, cut)}
                    steps.setdefault((name, stream, "number"), set()).update(own)
        for point in self.objects(cuts):
            steps.setdefault((point.name, "history", "object"), set()).add(point.step)
        return [
            MetricStat(name, stream, kind, len(own), min(own), max(own))
            for (name, stream, kind), own in sorted(steps.items())
            if own
        ]

    def fold(self, *, limit_rows: int | None = None, only: Iterable[int] | None = None, force: bool = False) -> int:
        """Nothing to fold: 0, whatever is asked."""
        del limit_rows, only, force
        return 0

    def delete(self, tx: Transaction, segments: Sequence[int]) -> None:
        """See ``SeriesStore.delete``."""
        _own(tx).changes.append(lambda: self._delete(set(segments)))

    def _delete(self, segments: set[int]) -> None:
        self._numbers = {key: own for key, own in self._numbers.items() if key[0] not in segments}
        self._objects = {key: own for key, own in self._objects.items() if key[0] not in segments}


def _own(tx: Transaction) -> MemoryTransaction:
    if not isinstance(tx, MemoryTransaction):
        raise TypeError(f"cannot use {type(tx).__name__} here: a transaction of MemoryDatabase.write is needed")
    return tx


def _is_within(step: int, cut: Cut) -> bool:
    return (cut.lo is None or step >= cut.lo) and (cut.hi is None or step < cut.hi)


def _exact(arrival: _Arrival) -> np.uint64:
    if arrival.letter in "qQ?":
        return np.uint64(int(arrival.value) % 2**64)
    with np.errstate(invalid="ignore"):
        return np.float64(arrival.value).view(np.uint64)


def _buckets(members: dict[int, list[tuple[int, float]]], width: int) -> Buckets:
    rows: list[tuple[Any, ...]] = []
    for bucket, points in sorted(members.items()):
        values = [value for _, value in points]
        finite = [value for value in values if math.isfinite(value)]
        low = min(finite) + 0.0 if finite else math.nan
        high = max(finite) + 0.0 if finite else math.nan
        nan = sum(1 for value in values if math.isnan(value))
        rows.append(
            (
                *(bucket, len(values), low, high, _total(points, width), values[0], values[-1]),
                *(nan, values.count(math.inf), values.count(-math.inf)),
            )
        )
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(Buckets._fields)
    is_int = {"bucket", "points", "nan", "pinf", "ninf"}
    return Buckets._make(
        np.array(column, np.int64 if name in is_int else np.float64)
        for name, column in zip(Buckets._fields, columns, strict=True)
    )


def _total(points: list[tuple[int, float]], width: int) -> float:
    """The sum of the finite values of a bucket, in the order that ``series/levels.py`` defines."""
    sums = [(step, value) for step, value in points if math.isfinite(value)]
    for level in _LEVELS:
        if 1 << level <= width:
            cells: dict[int, float] = {}
            for step, value in sums:
                cells[step >> level] = cells.get(step >> level, 0.0) + value
            sums = [(cell << level, total) for cell, total in cells.items()]
    total = 0.0
    for _, value in sums:
        total += value
    return total
