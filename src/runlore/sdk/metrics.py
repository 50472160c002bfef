"""``define_metric``: what is known of metrics beyond their values, and what follows for a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runlore.errors import UsageError
from runlore.protocol.records import MAX_NAME_BYTES
from runlore.protocol.records import Metric as MetricRecord
from runlore.protocol.summary import AGGREGATES, definition_of, merge_definition

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_GOALS: Final = {"": "", "min": "minimize", "minimize": "minimize", "max": "maximize", "maximize": "maximize"}


class Metric:
    """A defined metric, as ``define_metric`` returns it; usable as the ``step_metric`` of another one."""

    def __init__(self, record: MetricRecord) -> None:
        self._record = record

    @property
    def name(self) -> str:
        """Name of the metric, or the prefix with its ``*``."""
        return self._record.name

    @property
    def step_metric(self) -> str | None:
        """Name of the metric on its x-axis, None for the step."""
        return self._record.step_metric or None

    @property
    def step_sync(self) -> bool:
        """Whether the last value of ``step_metric`` is added to rows that lack it."""
        return self._record.step_sync

    @property
    def hidden(self) -> bool:
        """Whether it gets no chart of its own."""
        return self._record.hidden

    @property
    def summary(self) -> tuple[str, ...] | None:
        """Aggregates in the summary, None for the last value."""
        return tuple(self._record.summary) or None

    @property
    def goal(self) -> str | None:
        """Which way is better, "minimize" or "maximize", None when not said."""
        return self._record.goal or None

    def __repr__(self) -> str:
        return f"Metric(name={self.name!r}, step_metric={self.step_metric!r}, summary={self.summary!r})"


def metric_record(
    name: str,
    step_metric: str | Metric | None,
    step_sync: bool | None,
    hidden: bool | None,
    summary: str | Sequence[str] | None,
    goal: str | None,
    overwrite: bool | None,
) -> MetricRecord:
    """The record of a ``define_metric`` call. Raises UsageError, which names the argument."""
    if isinstance(step_metric, Metric):
        step_metric = step_metric.name
    for argument, value in (("name", name), ("step_metric", step_metric)):
        if value is not None and not isinstance(value, str):
            raise _wrong(argument, value, "a string")
    for argument, flag in (("step_sync", step_sync), ("hidden", hidden), ("overwrite", overwrite)):
        if flag is not None and not isinstance(flag, bool):
            raise _wrong(argument, flag, "True or False")
    if not name:
        raise _wrong("name", name, "a metric name")
    if "*" in name[:-1]:
        raise _wrong("name", name, "a name, or a prefix that ends in one *")
    if step_metric is not None and "*" in step_metric:
        raise _wrong("step_metric", step_metric, "a metric name without *")
    if len(name.encode("utf-8", "replace")) > MAX_NAME_BYTES:
        raise _wrong("name", f"{name[:32]}…", f"at most {MAX_NAME_BYTES} bytes")
    return MetricRecord(
        name=name,
        step_metric=step_metric or "",
        step_sync=True if step_sync is None else step_sync,
        hidden=bool(hidden),
        summary=_aggregates(summary),
        goal=_goal(goal),
        overwrite=bool(overwrite),
    )


def _aggregates(summary: str | Sequence[str] | None) -> list[str]:
    if summary is None:
        return []
    given = summary.split(",") if isinstance(summary, str) else list(summary)
    names = [item.strip().lower() if isinstance(item, str) else item for item in given if item != ""]
    for item in names:
        if item not in AGGREGATES:
            raise _wrong("summary", item, ", ".join(AGGREGATES))
    return list(dict.fromkeys(names))


def _goal(goal: str | None) -> str:
    found = _GOALS.get(goal or "")
    if found is None:
        raise _wrong("goal", goal, "'minimize' or 'maximize'")
    return found


def _wrong(argument: str, value: object, expected: str) -> UsageError:
    return UsageError(f"cannot define a metric with {argument}={value!r}: expected {expected}")


class Definitions:
    """All definitions of a run."""

    def __init__(self) -> None:
        self.by_name: dict[str, MetricRecord] = {}
        self._resolved: dict[str, MetricRecord | None] = {}

    def add(self, record: MetricRecord) -> MetricRecord:
        """Take a definition in; returns the one now in force for its name."""
        merged = merge_definition(self.by_name.get(record.name), record)
        self.by_name[record.name] = merged
        self._resolved.clear()
        return merged

    def of(self, name: str) -> MetricRecord | None:
        """The definition that governs a metric, None without one."""
        if not self.by_name:
            return None
        try:
            return self._resolved[name]
        except KeyError:
            found = self._resolved[name] = definition_of(name, self.by_name)
            return found

    def missing_indexes(self, names: Iterable[str]) -> list[str]:
        """Step metrics that a row of ``names`` needs by ``step_sync`` and lacks."""
        present = set(names)
        wanted: dict[str, None] = {}
        for name in present:
            definition = self.of(name)
            if definition is None or not definition.step_sync or not definition.step_metric:
                continue
            if definition.step_metric not in present:
                wanted[definition.step_metric] = None
        return list(wanted)

    def has_aggregate(self, names: Iterable[str]) -> bool:
        """Whether the summary of one of ``names`` is more than its last value."""
        return any((found := self.of(name)) is not None and found.summary for name in names)
