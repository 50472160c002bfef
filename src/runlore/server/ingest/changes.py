"""What the records of a range change: the run, its journals, its points. One ``RunChanges`` per run and commit.

``touched``: the writers whose journals changed. ``added_journals``: those that are new because another named them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from runlore.protocol import ids, records
from runlore.protocol.documents import plain
from runlore.protocol.records import MAX_METRICS, MAX_STEP
from runlore.protocol.summary import Reduced, definition_of, fold, merge_definition, reduce_one
from runlore.server.ingest.decode import Range, Rows
from runlore.server.ingest.lifecycle import FINAL_STATES, LIVE_STATES
from runlore.store.base import Block, JournalRecord, LossRow, MetricName, ObjectPoint, RunRecord

if TYPE_CHECKING:
    from runlore.protocol.records import Metric
    from runlore.server.ingest.layout import Layout
    from runlore.store.base import Stream

_MACHINE_METRICS: Final = 1_000
"""Metric names of the machine that a run may have even when its own ones are at the limit."""

_MAX_TIME: Final = 2**63 - 1
_MAX_TEXT: Final = 65_536
"""Longest name, notes, group, label and the like, in characters."""


def clamp(value: int, low: int = 0, high: int = _MAX_TIME) -> int:
    """The value, brought into what a database column holds."""
    return min(max(value, low), high)


class RunChanges:
    """A run and what this commit adds to it. ``names``: metrics the run is known to have; grows."""

    def __init__(self, run: RunRecord, journals: list[JournalRecord], names: set[tuple[Stream, str]]) -> None:
        self.run = run
        self.journals = {journal.writer: journal for journal in journals}
        self.touched: set[str] = set()
        self.added_journals: list[JournalRecord] = []
        self.blocks: list[Block] = []
        self.objects: list[ObjectPoint] = []
        self.names = names
        self.new_names: list[MetricName] = []
        self.console: list[tuple[str, str, list[tuple[int, str]]]] = []
        self._losses: dict[str, Counter[str]] = {}
        self._definitions: dict[str, Metric | None] = {}

    @property
    def losses(self) -> list[LossRow]:
        """What could not be kept, by reason."""
        return [
            LossRow(self.run.key, reason, clamp(sums["rows"]), clamp(sums["bytes"]), sums["times"])
            for reason, sums in self._losses.items()
        ]

    def describe(self, header: records.Header) -> None:
        """Take the run's own fields from the header that opens it."""
        run = self.run
        run.name = header.name[:_MAX_TEXT] or run.id
        run.notes = header.notes[:_MAX_TEXT]
        run.tags = _tags(header.tags)
        run.group = header.group[:_MAX_TEXT]
        run.job_type = header.job_type[:_MAX_TEXT]

    def apply(self, journal: JournalRecord, part: Range) -> None:
        """Take in what a range holds; ``journal`` moves to its end."""
        run = self.run
        newest = 0
        for item in part.items:
            if isinstance(item, Rows):
                newest = max(newest, self._rows(part.buffer, item))
            else:
                newest = max(newest, self._record(journal, item))
        run.rows += part.rows
        for start, end in part.damaged:
            journal.damaged_bytes += end - start
            self._lose(f"bytes of journal {journal.writer} damaged on the way or on disk", size=end - start)
        for reason, (rows, size) in part.lost.items():
            run.lost_rows += rows
            self._lose(reason, rows=rows, size=size)
        journal.record_ns = max(journal.record_ns, clamp(newest))
        run.record_ns = max(run.record_ns, journal.record_ns)
        if journal.exit_ns is not None and newest > journal.exit_ns:
            # it was thought dead, or went on after its end
            journal.exit_ns = None
        journal.offset = part.end

    def _lose(self, reason: str, *, rows: int = 0, size: int = 0, times: int = 1) -> None:
        self._losses.setdefault(reason[:_MAX_TEXT], Counter()).update(rows=rows, bytes=size, times=times)

    def _rows(self, buffer: memoryview, rows: Rows) -> int:
        layout, run = rows.layout, self.run
        if not layout.is_known:
            self._learn(layout)
        if layout.refused:
            self._lose(f"values of metrics beyond the {MAX_METRICS:,} that a run may have", rows=len(rows.starts))
        if layout.too_long:
            self._lose("values of metrics whose name is longer than 1,024 bytes", rows=len(rows.starts))
        steps, times, columns = layout.read(buffer, rows.starts)
        starts = rows.starts
        in_range = (steps >= -MAX_STEP) & (steps <= MAX_STEP) & (times >= 0)
        if not in_range.all():
            dropped = int(len(steps) - in_range.sum())
            run.lost_rows += dropped
            self._lose("rows with a step beyond 2^53 or a time before 1970", rows=dropped)
            steps, times = steps[in_range], times[in_range]
            columns = {name: values[in_range] for name, values in columns.items()}
            starts = [start for start, is_kept in zip(starts, in_range, strict=True) if is_kept]
            if not starts:
                return 0
        if columns:
            self.blocks.append(Block(run.segment, "history", steps, times, columns))
        last_step = int(steps.max())
        run.last_step = last_step if run.last_step is None else max(run.last_step, last_step)
        last_values = layout.last_values(buffer, starts[-1])
        if not run.definitions:
            run.summary.update(last_values)
        else:
            for name, last in last_values.items():
                definition = self._definition(name)
                has_aggregates = definition is not None and bool(definition.summary)
                seen = _reduced(columns[name], last) if has_aggregates else Reduced(last, None, None, 0.0, 0)
                fold(run.summary, run.states, definition, name, seen)
        return int(times.max())

    def _definition(self, name: str) -> Metric | None:
        if name not in self._definitions:
            self._definitions[name] = definition_of(name, self.run.definitions)
        return self._definitions[name]

    def _learn(self, layout: Layout) -> None:
        refused = [
            name for name in layout.schema.names if name not in layout.too_long and not self._admit("history", name)
        ]
        layout.refused = frozenset(refused)
        layout.is_known = True

    def _admit(self, stream: Stream, name: str) -> bool:
        """Whether the run may have this metric; remembers it."""
        if (stream, name) in self.names:
            return True
        if len(self.names) >= MAX_METRICS + (_MACHINE_METRICS if stream == "system" else 0):
            return False
        self.names.add((stream, name))
        self.new_names.append(MetricName(self.run.key, stream, name))
        return True

    def _record(self, journal: JournalRecord, record: records.Record) -> int:
        """Apply one record; returns its time, 0 when it is no sign of life of its writer."""
        run = self.run
        match record:
            case records.Header():
                run.live_state = "running"
                return clamp(record.time_ns)
            case records.Objects():
                self._objects(record)
                return clamp(record.time_ns)
            case records.Config():
                run.config.update(record.set)
                for key in record.remove:
                    run.config.pop(key, None)
            case records.Summary():
                run.summary.update(record.set)
                for key in record.remove:
                    run.summary.pop(key, None)
            case records.Metric():
                run.definitions[record.name] = merge_definition(run.definitions.get(record.name), record)
                self._definitions.clear()
            case records.Console():
                stream = "stderr" if record.stream == "stderr" else "stdout"
                time_ns = clamp(record.time_ns)
                if self.console and self.console[-1][:2] == (journal.writer, stream):
                    self.console[-1][2].append((time_ns, record.text))
                else:
                    self.console.append((journal.writer, stream, [(time_ns, record.text)]))
                return time_ns
            case records.Run():
                self._change(record)
            case records.System():
                self._system(record)
                return clamp(record.end_ns)
            case records.Exit():
                self._exit(journal, record)
            case records.Loss():
                run.lost_rows = clamp(run.lost_rows + max(record.rows, 0))
                self._lose(
                    record.reason or "unknown",
                    rows=clamp(record.rows, high=2**53),
                    size=clamp(record.size_bytes, high=2**53),
                )
            case records.Metadata():
                run.metadata.update(record.values)
            case _:
                raise AssertionError(f"no rule for {type(record).__name__}")
        return 0

    def _objects(self, record: records.Objects) -> None:
        run = self.run
        time_ns = clamp(record.time_ns)
        steps, times = np.array([record.step]), np.array([time_ns])
        for name, value in record.values.items():
            if len(name.encode()) > records.MAX_NAME_BYTES or not self._admit("history", name):
                self._lose("values of metrics with too long a name, or beyond what a run may have", rows=1)
                continue
            kind = _NUMBERS.get(type(value))
            if kind is None or (type(value) is int and not -(2**63) <= value < 2**63):
                self.objects.append(
                    ObjectPoint(run.segment, record.step, time_ns, name, msgspec.json.encode(plain(value)))
                )
            else:
                self.blocks.append(Block(run.segment, "history", steps, times, {name: np.array([value], dtype=kind)}))
            fold(run.summary, run.states, self._definition(name), name, reduce_one(value))
        run.last_step = record.step if run.last_step is None else max(run.last_step, record.step)

    def _change(self, record: records.Run) -> None:
        run = self.run
        for name in ("name", "notes", "group", "job_type"):
            if (text := getattr(record, name)) is not None:
                setattr(run, name, text[:_MAX_TEXT])
        if record.tags is not None:
            run.tags = _tags(record.tags)
        if record.state in LIVE_STATES:
            run.live_state = record.state

    def _system(self, record: records.System) -> None:
        columns: dict[str, np.ndarray[Any, Any]] = {}
        for name, window in record.values.items():
            if len(window) != 3 or not self._admit("system", name):
                self._lose("machine metrics that cannot be read, or beyond what a run may have")
                continue
            for suffix, value in zip(("", ":min", ":max"), window, strict=True):
                columns[name + suffix] = np.array([value], dtype=np.float64)
        end_ns = clamp(record.end_ns)
        if columns:
            self.blocks.append(
                Block(self.run.segment, "system", np.array([end_ns // 1_000_000]), np.array([end_ns]), columns)
            )

    def _exit(self, journal: JournalRecord, record: records.Exit) -> None:
        ended = journal
        if record.on_behalf_of and record.on_behalf_of != journal.writer:
            if not ids.is_writer(record.on_behalf_of):
                self._lose("an exit of an unknown writer")
                return
            found = self.journals.get(record.on_behalf_of)
            if found is None:
                # its own journal is still on its way
                found = JournalRecord(writer=record.on_behalf_of, run=self.run.key)
                self.journals[found.writer] = found
                self.added_journals.append(found)
            ended = found
        time_ns = clamp(record.time_ns)
        if ended is not journal and ended.record_ns > time_ns:
            return
        self.touched.add(ended.writer)
        ended.exit_ns = time_ns
        ended.exit_state = record.state if record.state in FINAL_STATES else "crashed"
        ended.exit_code = None if record.exit_code is None else clamp(record.exit_code, -(2**31), 2**31)
        ended.exit_reason = (record.reason or record.signal)[:_MAX_TEXT]


_NUMBERS: Final[dict[type, str]] = {float: "<f8", int: "<i8", bool: "?"}


def _tags(tags: list[str]) -> list[str]:
    return list(dict.fromkeys(tag for tag in tags if 1 <= len(tag) <= ids.MAX_TAG))


def _reduced(values: np.ndarray[Any, Any], last: Any) -> Reduced:
    """Many values of a metric as Reduced. bool columns only have a last value, as ``reduce_one`` has it."""
    if values.dtype.kind == "b":
        return Reduced(last, None, None, 0.0, 0)
    if values.dtype.kind in "iu":
        return Reduced(last, values.min().item(), values.max().item(), float(values.sum(dtype=np.float64)), len(values))
    present = values[~np.isnan(values)]
    finite = present[np.isfinite(present)]
    total = float(finite.sum(dtype=np.float64))
    if not len(present):
        return Reduced(last, None, None, 0.0, 0)
    return Reduced(last, present.min().item(), present.max().item(), total, len(finite))
