"""Exact rows of a run as a column frame."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
import numpy as np

from runlore.protocol import columns
from runlore.store.base import Cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from runlore.store.base import Ints, ObjectPoint, Points, SeriesStore

_EXACT: Final = 2**53
_CALL: Final = np.dtype([("step", "<i8"), ("time_ns", "<i8"), ("nth", "<i8")])


def history_frame(
    series: SeriesStore,
    cuts: Sequence[Cut],
    keys: Sequence[str] | None,
    *,
    min_step: int | None,
    max_step: int | None,
    limit: int | None,
    repeats: Literal["last", "all"] = "last",
) -> bytes:
    """The rows with steps in [min_step, max_step], ascending, of the first ``limit`` steps; see ``docs/design/http.md``.

    keys: the metrics wanted, all when None. repeats: a row for each step with the newest value of each metric, or ("all") a
    row for each time that something was logged at a step. ``meta.types`` has the type letters of each key's values as
    they were logged.
    """
    ranged = [
        Cut(
            cut.segment,
            _latest(cut.lo, min_step),
            _earliest(cut.hi, None if max_step is None else max_step + 1),
        )
        for cut in cuts
    ]
    if keys is None:
        keys = list(dict.fromkeys(stat.name for stat in series.metrics(cuts) if stat.stream == "history"))
    keys = list(dict.fromkeys(keys))
    found = {key: series.points(ranged, key, repeats=repeats) for key in keys}
    objects = series.objects(ranged, keys, repeats=repeats)
    marks = _marks(found, objects, repeats)
    order = np.unique(np.concatenate(list(marks.values())))
    if limit is not None:
        order = order[np.isin(_steps(order), np.unique(_steps(order))[:limit])]
    steps = _steps(order)
    times = np.zeros(len(steps), np.int64)
    parts: dict[str, tuple[str, bytes | memoryview]] = {}
    odd: list[list[Any]] = []
    types: dict[str, str] = {}
    for key, points in found.items():
        rows, is_shown = _rows(order, marks[key])
        values = np.full(len(steps), np.nan)
        present = np.zeros(len(steps), np.uint8)
        values[rows] = points.values[is_shown]
        present[rows] = 1
        times[rows] = np.maximum(times[rows], points.times_ns[is_shown])
        types[key] = "".join(sorted(map(chr, set(points.kinds[is_shown].tolist()))))
        odd.extend([row, key, number] for row, number in _large(points, rows, is_shown))
        parts[key] = ("f8", values.tobytes())
        parts[f"{key}:present"] = ("u1", present.tobytes())
    rows, is_shown = _rows(order, marks[None])
    for row, at in zip(rows.tolist(), np.flatnonzero(is_shown).tolist(), strict=True):
        point = objects[at]
        times[row] = max(times[row], point.time_ns)
        odd.append([row, point.name, msgspec.json.decode(point.json)])
    head: dict[str, tuple[str, bytes | memoryview]] = {
        "_step": ("i8", steps.astype("<i8").tobytes()),
        "_timestamp": ("f8", (times / 1e9).tobytes()),
    }
    return columns.encode(head | parts, {"objects": odd, "types": types})


def _large(points: Points, rows: Ints, is_shown: np.ndarray[Any, Any]) -> list[tuple[int, int]]:
    """The integers that a float64 does not hold, by row."""
    kinds, exact = points.kinds[is_shown], points.exact[is_shown]
    large: list[tuple[int, int]] = []
    for letter, kind in (("q", np.int64), ("Q", np.uint64)):
        numbers = exact.view(kind)
        beyond = (kinds == ord(letter)) & ((numbers > _EXACT) | (numbers < (-_EXACT if letter == "q" else 0)))
        large.extend((int(rows[i]), int(numbers[i])) for i in np.flatnonzero(beyond))
    return large


def _marks(
    found: Mapping[str, Points], objects: Sequence[ObjectPoint], repeats: Literal["last", "all"]
) -> dict[str | None, np.ndarray[Any, Any]]:
    """What says to which row each point belongs: of every key, and under None of the objects.

    A step alone says it, and where repeats are kept also the time: all values of one ``log`` call have the same. Calls of the
    same step and time are told apart by their order.
    """
    marks: dict[str | None, np.ndarray[Any, Any]] = {}
    if repeats == "last":
        marks.update((key, points.steps) for key, points in found.items())
        marks[None] = np.array([point.step for point in objects], np.int64)
        return marks
    for key, points in found.items():
        marks[key] = _calls(
            (step, time, "") for step, time in zip(points.steps.tolist(), points.times_ns.tolist(), strict=True)
        )
    marks[None] = _calls((point.step, point.time_ns, point.name) for point in objects)
    return marks


def _calls(points: Iterable[tuple[int, int, str]]) -> np.ndarray[Any, Any]:
    """The ``log`` calls that points of (step, time in ns, name) come from."""
    seen: Counter[tuple[int, int, str]] = Counter()
    found: list[tuple[int, int, int]] = []
    for point in points:
        found.append((*point[:2], seen[point]))
        seen[point] += 1
    return np.array(found, _CALL)


def _steps(marks: np.ndarray[Any, Any]) -> Ints:
    return marks["step"] if marks.dtype.names else marks


def _rows(order: np.ndarray[Any, Any], wanted: np.ndarray[Any, Any]) -> tuple[Ints, np.ndarray[Any, Any]]:
    """Rows of the wanted marks, and which of them have one."""
    is_shown = np.isin(wanted, order)
    return np.searchsorted(order, wanted[is_shown]), is_shown


def _latest(first: int | None, second: int | None) -> int | None:
    return second if first is None else first if second is None else max(first, second)


def _earliest(first: int | None, second: int | None) -> int | None:
    return second if first is None else first if second is None else min(first, second)
