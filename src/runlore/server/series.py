"""One panel's lines as a column frame: raw points where they are few, exact buckets where they are many."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np

from runlore.protocol import columns
from runlore.protocol.records import MAX_STEP
from runlore.server.refusal import Refusal
from runlore.store.base import Buckets, Cut

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runlore.protocol.messages import SeriesRequest
    from runlore.store.base import Floats, Ints, Points, RunRecord, SeriesStore

    _Columns: TypeAlias = dict[str, tuple[str, bytes | memoryview]]

MAX_BUCKETS: Final = 20_000
MAX_RAW: Final = 100_000
MAX_RUNS: Final = 1_000
MAX_LINES: Final = 20_000


class _Grid(NamedTuple):
    """Buckets ``[lo + b·width, lo + (b + 1)·width)`` for b in [0, size)."""

    lo: float
    width: float
    size: int


class _Line(NamedTuple):
    """A line in the answer: its points, or its buckets."""

    run: RunRecord
    metric: str
    x: Floats | None
    steps: Ints | None
    y: Floats | None
    buckets: Buckets | None


def check(request: SeriesRequest) -> None:
    """Refuse a request that makes no sense or asks for too much. Raises Refusal ``bad-request``."""
    faults = (
        ("runs", len(request.runs) > MAX_RUNS, f"at most {MAX_RUNS} runs"),
        ("metrics", len(request.runs) * len(request.metrics) > MAX_LINES, f"at most {MAX_LINES} lines"),
        ("buckets", not 1 <= request.buckets <= MAX_BUCKETS, f"1 to {MAX_BUCKETS}"),
        ("raw_limit", not 0 <= request.raw_limit <= MAX_RAW, f"0 to {MAX_RAW}"),
        ("stream", request.stream not in {"history", "system"}, "history or system"),
        ("x", not request.x, "_step, _runtime, _timestamp or a metric"),
        ("x_min", request.x_min is not None and not math.isfinite(request.x_min), "a finite number"),
        ("x_max", request.x_max is not None and not math.isfinite(request.x_max), "a finite number"),
        (
            "x_max",
            request.x_min is not None and request.x_max is not None and request.x_min > request.x_max,
            "not below x_min",
        ),
    )
    for field, is_wrong, expected in faults:
        if is_wrong:
            raise Refusal("bad-request", f"cannot read the series: {field} is wrong, expected {expected}", field=field)


def series_frame(
    series: SeriesStore, cuts: Mapping[int, Sequence[Cut]], runs: Sequence[RunRecord], request: SeriesRequest
) -> bytes:
    """The frame of ``docs/design/http.md``. cuts: the history of each run, by key."""
    read = _by_step if request.x == "_step" else _by_value
    lines, grid = read(series, [list(cuts.get(run.key, ())) for run in runs], runs, request)
    places = {(run.key, metric): i for i, (run, metric) in enumerate((run, m) for run in runs for m in request.metrics)}
    lines.sort(key=lambda line: places[line.run.key, line.metric])
    return _encode(lines, grid, request)


def _width(extent: float, buckets: int) -> float:
    """The power of two that divides the extent into at least ``buckets`` and fewer than twice as many."""
    return float(2.0 ** math.floor(math.log2(extent / buckets)))


def _by_step(
    series: SeriesStore, cuts: list[list[Cut]], runs: Sequence[RunRecord], request: SeriesRequest
) -> tuple[list[_Line], _Grid | None]:
    stats = [
        {
            stat.name: stat
            for stat in (series.metrics(run_cuts) if run_cuts else ())
            if stat.stream == request.stream and stat.kind == "number"
        }
        for run_cuts in cuts
    ]
    wanted = [
        (index, metric, stats[index][metric])
        for index in range(len(runs))
        for metric in dict.fromkeys(request.metrics)
        if metric in stats[index]
    ]
    if not wanted:
        return [], None
    lo = min(stat.first_step for _, _, stat in wanted) if request.x_min is None else _step(math.ceil(request.x_min))
    hi = max(stat.last_step for _, _, stat in wanted) if request.x_max is None else _step(math.floor(request.x_max))
    wanted = [entry for entry in wanted if entry[2].first_step <= hi and entry[2].last_step >= lo]
    if not wanted or lo > hi:
        return [], None
    width = max(int(_width(hi - lo + 1, request.buckets)), 1)
    start = lo // width * width
    grid = _Grid(start, width, hi // width - lo // width + 1)
    ranged = [[part for cut in run_cuts if (part := _clip(cut, lo, hi)) is not None] for run_cuts in cuts]
    raw: dict[str, list[int]] = {}
    many: dict[str, list[int]] = {}
    for index, metric, stat in wanted:
        (raw if stat.points <= request.raw_limit else many).setdefault(metric, []).append(index)
    lines: list[_Line] = []
    for metric, indexes in many.items():
        found = series.buckets(
            [ranged[index] for index in indexes],
            metric,
            lo=start,
            width=width,
            count=grid.size,
            stream=request.stream,  # type: ignore[arg-type]  # checked by ``check``
        )
        for index, buckets in zip(indexes, found, strict=True):
            points = int(buckets.points.sum())
            if points > request.raw_limit:
                lines.append(_Line(runs[index], metric, None, None, None, buckets))
            elif points:
                raw.setdefault(metric, []).append(index)
    for metric, indexes in raw.items():
        exact = series.points_many([ranged[index] for index in indexes], metric, stream=request.stream)  # type: ignore[arg-type]
        lines.extend(
            _Line(runs[index], metric, points.steps.astype(np.float64), None, points.values, None)
            for index, points in zip(indexes, exact, strict=True)
            if len(points.steps)
        )
    return lines, grid


def _by_value(
    series: SeriesStore, cuts: list[list[Cut]], runs: Sequence[RunRecord], request: SeriesRequest
) -> tuple[list[_Line], _Grid | None]:
    of_metric = request.x not in {"_runtime", "_timestamp"}
    stream: Any = request.stream
    axes = series.points_many(cuts, request.x, stream=stream) if of_metric else [None] * len(runs)
    lines: list[_Line] = []
    for metric in dict.fromkeys(request.metrics):
        for run, points, axis in zip(runs, series.points_many(cuts, metric, stream=stream), axes, strict=True):
            x, steps, y = _placed(points, axis, run, request.x)
            kept = np.isfinite(x)
            if request.x_min is not None:
                kept &= x >= request.x_min
            if request.x_max is not None:
                kept &= x <= request.x_max
            x, steps, y = x[kept], steps[kept], y[kept]
            if len(x):
                order = np.argsort(x, kind="stable")
                lines.append(_Line(run, metric, x[order], steps[order], y[order], None))
    if not any(line.x is not None and len(line.x) > request.raw_limit for line in lines):
        return lines, None
    ends = [(line.x[0], line.x[-1]) for line in lines if line.x is not None]
    lo = float(min(end[0] for end in ends) if request.x_min is None else request.x_min)
    hi = float(max(end[1] for end in ends) if request.x_max is None else request.x_max)
    extent = hi - lo
    if not extent > 0 or not math.isfinite(extent):
        extent = max(abs(hi) * 2**-40, 2**-40) if math.isfinite(extent) else 2.0**1000
    width = _width(extent, request.buckets)
    start = math.floor(lo / width) * width
    grid = _Grid(start, width, int(math.floor(hi / width) - math.floor(lo / width)) + 1)
    return [
        _Line(line.run, line.metric, None, None, None, _aggregate(line, grid))
        if line.x is not None and len(line.x) > request.raw_limit
        else line
        for line in lines
    ], grid


def _placed(points: Points, axis: Points | None, run: RunRecord, x: str) -> tuple[Floats, Ints, Floats]:
    """Where the points lie on the axis: x, step and value, the points without an x left out."""
    if axis is not None:
        _, at_points, at_axis = np.intersect1d(points.steps, axis.steps, assume_unique=True, return_indices=True)
        return axis.values[at_axis], points.steps[at_points], points.values[at_points]
    origin_ns = run.created_ns if x == "_runtime" else 0
    return (points.times_ns - origin_ns) / 1e9, points.steps, points.values


def _aggregate(line: _Line, grid: _Grid) -> Buckets:
    """The exact aggregates of a line whose points are in order of x."""
    assert line.x is not None
    assert line.y is not None
    index = np.clip(np.floor(line.x / grid.width) - round(grid.lo / grid.width), 0, grid.size - 1).astype(np.int64)
    bucket, begins, counts = np.unique(index, return_index=True, return_counts=True)
    y = line.y
    is_finite = np.isfinite(y)
    low = np.minimum.reduceat(np.where(is_finite, y, np.inf), begins)
    high = np.maximum.reduceat(np.where(is_finite, y, -np.inf), begins)
    has_any = np.add.reduceat(is_finite.astype(np.int64), begins) > 0
    return Buckets(
        bucket=bucket,
        points=counts,
        low=np.where(has_any, low, np.nan),
        high=np.where(has_any, high, np.nan),
        total=np.add.reduceat(np.where(is_finite, y, 0.0), begins),
        first=y[begins],
        last=y[begins + counts - 1],
        nan=np.add.reduceat(np.isnan(y).astype(np.int64), begins),
        pinf=np.add.reduceat(np.isposinf(y).astype(np.int64), begins),
        ninf=np.add.reduceat(np.isneginf(y).astype(np.int64), begins),
    )


def _step(value: int) -> int:
    return min(max(value, -MAX_STEP), MAX_STEP)


def _clip(cut: Cut, lo: int, hi: int) -> Cut | None:
    """The part of a cut within the steps [lo, hi]."""
    begin = lo if cut.lo is None else max(cut.lo, lo)
    end = hi + 1 if cut.hi is None else min(cut.hi, hi + 1)
    return Cut(cut.segment, begin, end) if begin < end else None


def _encode(lines: Sequence[_Line], grid: _Grid | None, request: SeriesRequest) -> bytes:
    heads: list[dict[str, Any]] = []
    found: _Columns = {}
    for i, line in enumerate(lines):
        head: dict[str, Any] = {"run": line.run.key, "metric": line.metric, "version": line.run.version}
        if line.buckets is None:
            assert line.x is not None
            assert line.y is not None
            bad = (np.isnan(line.y).sum(), np.isposinf(line.y).sum(), np.isneginf(line.y).sum())
            head |= {"mode": "raw", "points": len(line.x), "shown": len(line.x)}
            found[f"{i}.x"] = _column("f8", line.x)
            found[f"{i}.y"] = _column("f8", line.y)
            if line.steps is not None:
                found[f"{i}.step"] = _column("f8", line.steps)
        else:
            buckets = line.buckets
            bad = (buckets.nan.sum(), buckets.pinf.sum(), buckets.ninf.sum())
            head |= {"mode": "buckets", "points": int(buckets.points.sum()), "shown": len(buckets.bucket)}
            bad_each = buckets.nan + buckets.pinf + buckets.ninf
            finite = buckets.points - bad_each
            mean = np.divide(buckets.total, finite, out=np.full(len(finite), np.nan), where=finite > 0)
            found[f"{i}.b"] = _column("u4", buckets.bucket)
            found[f"{i}.n"] = _column("u4", buckets.points)
            for name, values in (
                ("min", buckets.low),
                ("max", buckets.high),
                ("mean", mean),
                ("first", buckets.first),
                ("last", buckets.last),
            ):
                found[f"{i}.{name}"] = _column("f8", values)
            found[f"{i}.bad"] = _column("u4", bad_each)
        head |= dict(zip(("nan", "pinf", "ninf"), map(int, bad), strict=True))
        heads.append(head)
    is_bucketed = any(line.buckets is not None for line in lines)
    meta = {
        "x": request.x,
        "grid": {"lo": grid.lo, "width": grid.width, "count": grid.size} if grid and is_bucketed else None,
        "lines": heads,
    }
    return columns.encode(found, meta)


def _column(kind: str, values: np.ndarray[Any, Any]) -> tuple[str, bytes]:
    return kind, np.ascontiguousarray(values, dtype="<" + kind).tobytes()
