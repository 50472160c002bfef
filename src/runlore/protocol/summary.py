"""How logged values become a run's summary: the one rule that SDK and server share.

Values are folded in journal order. Without a definition the last value of a metric is its summary. With
``define_metric(summary=[...])`` the summary is a map of the named aggregates, such as {"min": 0.1, "max": 2.0};
"copy" keeps the plain last value and "none" keeps nothing. NaN never becomes a minimum, maximum, mean or best.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import msgspec

from runlore.protocol.records import Metric

AGGREGATES: Final = ("min", "max", "mean", "last", "best", "copy", "none")


class Reduced(NamedTuple):
    """One or more values of a metric, reduced in order: all that any aggregate needs.

    low, high: over the values that are not NaN (None when there are none). total and points: sum and number of the finite ones.
    """

    last: Any
    low: float | int | None
    high: float | int | None
    total: float
    points: int


class State(msgspec.Struct, omit_defaults=True):
    """What must be remembered of a metric with aggregates, so that folding can go on after a restart."""

    low: float | int | None = None
    high: float | int | None = None
    total: float = 0.0
    count: int = 0


def reduce_one(value: Any) -> Reduced:
    """A single value as Reduced; what is no number only has a last value."""
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return Reduced(value, None, None, 0.0, 0)
    if math.isinf(value):
        return Reduced(value, value, value, 0.0, 0)
    return Reduced(value, value, value, value, 1)


def definition_of(name: str, definitions: dict[str, Metric]) -> Metric | None:
    """The definition that governs a metric: the exact one, else that of the longest matching prefix ``*``."""
    exact = definitions.get(name)
    if exact is not None:
        return exact
    best: Metric | None = None
    for pattern, metric in definitions.items():
        if pattern.endswith("*") and name.startswith(pattern[:-1]) and (best is None or len(pattern) > len(best.name)):
            best = metric
    return best


def merge_definition(old: Metric | None, new: Metric) -> Metric:
    """The definition in force after ``new`` was given: fields it leaves at their default keep the old ones,
    unless ``new.overwrite``.
    """
    if old is None or new.overwrite:
        return new
    return Metric(
        name=new.name,
        step_metric=new.step_metric or old.step_metric,
        step_sync=new.step_sync,
        hidden=new.hidden or old.hidden,
        summary=new.summary or old.summary,
        goal=new.goal or old.goal,
    )


def fold(
    summary: dict[str, Any], states: dict[str, State], definition: Metric | None, name: str, seen: Reduced
) -> None:
    """Fold values of a metric into ``summary`` and ``states``, both changed in place."""
    if definition is None or not definition.summary:
        summary[name] = seen.last
        return
    wanted = definition.summary
    if "none" in wanted:
        return
    if "copy" in wanted:
        summary[name] = seen.last
        return
    state = states.setdefault(name, State())
    if seen.low is not None and (state.low is None or seen.low < state.low):
        state.low = seen.low
    if seen.high is not None and (state.high is None or seen.high > state.high):
        state.high = seen.high
    state.total += seen.total
    state.count += seen.points
    found: dict[str, Any] = {}
    for aggregate in wanted:
        if aggregate == "last":
            found["last"] = seen.last
        elif aggregate == "mean" and state.count:
            found["mean"] = state.total / state.count
        elif aggregate in {"min", "max", "best"}:
            value = (
                state.low
                if aggregate == "min" or (aggregate == "best" and definition.goal != "maximize")
                else state.high
            )
            if value is not None:
                found[aggregate] = value
    summary[name] = found
