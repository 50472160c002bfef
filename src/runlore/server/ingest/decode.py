"""Bytes of a journal range → what is in it, in order. Pure: no store, no clock.

Rows are collected by schema and become numpy columns; every other record is decoded on its own. Rows may change places
with each other only where that changes nothing: see ``_Rows``.
"""

from __future__ import annotations

import struct
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias
from zlib import crc32

import numpy as np

from runlore.errors import UnsupportedJournal
from runlore.protocol import records, wire
from runlore.protocol.frames import HEAD, HEAD_SIZE, MAGIC, MAX_PAYLOAD, frame_end, next_frame
from runlore.protocol.records import MAX_STEP, Kind
from runlore.server.ingest.layout import Layout
from runlore.server.refusal import Refusal
from runlore.store.base import SchemaRow

if TYPE_CHECKING:
    from collections.abc import Sequence

_SCHEMA_ID: Final = struct.Struct("<I")
_ROW_MARK: Final = struct.Struct("<qq")


class Rows(NamedTuple):
    """Rows of one layout, as the offsets of their frames in the range's buffer, ascending."""

    layout: Layout
    starts: list[int]


Item: TypeAlias = Rows | records.Record
"""What a range holds, in order."""


class Range(NamedTuple):
    """A decoded range.

    buffer: its bytes. end: offset in the journal after its last byte. schemas: the new layouts. rows: rows as logged
    (a row of numbers and objects counts once). damaged: byte ranges of the journal that could not be read.
    lost: reason → (rows, bytes) of records that are whole but of no use. first_ns, newest_ns: times of its records.
    """

    buffer: memoryview
    start: int
    end: int
    items: list[Item]
    schemas: list[Layout]
    rows: int
    damaged: list[tuple[int, int]]
    lost: dict[str, tuple[int, int]]


class _Rows:
    """Collects rows until something stands between them that must keep its place.

    Rows of different schemas are only put in another order when no step of a shared metric is in both, and so that
    the schema whose last row is last comes last: then neither a chart nor the summary can tell the difference.
    """

    def __init__(self, buffer: memoryview) -> None:
        self._buffer = buffer
        self._starts: dict[int, list[int]] = {}
        self._layouts: dict[int, Layout] = {}

    def add(self, layout: Layout, start: int) -> None:
        identity = layout.schema.id
        starts = self._starts.get(identity)
        if starts is None:
            starts = self._starts[identity] = []
            self._layouts[identity] = layout
        starts.append(start)

    def take(self) -> list[Rows]:
        groups = sorted(
            (Rows(self._layouts[identity], starts) for identity, starts in self._starts.items()),
            key=lambda rows: rows.starts[-1],
        )
        self._starts, self._layouts = {}, {}
        if len(groups) > 1 and self._contradict(groups):
            return _in_order(groups)
        return groups

    def _contradict(self, groups: Sequence[Rows]) -> bool:
        steps: list[np.ndarray[Any, Any]] = [
            np.array([_ROW_MARK.unpack_from(self._buffer, start + HEAD_SIZE + 4)[0] for start in rows.starts])
            for rows in groups
        ]
        return any(
            not first.layout.names.isdisjoint(second.layout.names) and np.intersect1d(steps[i], steps[j]).size > 0
            for i, first in enumerate(groups)
            for j, second in enumerate(groups[:i])
        )


def _in_order(groups: Sequence[Rows]) -> list[Rows]:
    """The rows as they stand, in stretches of one schema."""
    placed = sorted((start, index) for index, rows in enumerate(groups) for start in rows.starts)
    ordered: list[Rows] = []
    at = -1
    for start, index in placed:
        if index != at:
            ordered.append(Rows(groups[index].layout, []))
            at = index
        ordered[-1].starts.append(start)
    return ordered


_SALVAGE_BYTES: Final = 1 << 30
"""Bytes summed at most while looking for the next intact frame, so that a damaged upload does not keep the others waiting."""

_KEEP_PLACE: Final = frozenset({Kind.SUMMARY, Kind.METRIC, Kind.OBJECTS})
"""Records that change what a later row means for the summary."""


def read_header(data: memoryview, writer: str) -> records.Header:
    """The header at the start of a journal's bytes.

    Raises Refusal ``bad-journal`` when there is none, or it is of a newer format or of another writer.
    """
    if bytes(data[: len(MAGIC)]) != MAGIC:
        raise _bad_journal(writer, f"it begins with {bytes(data[:8])!r}, expected {MAGIC!r}")
    end = frame_end(data, len(MAGIC))
    if end is None or data[len(MAGIC) + 8] != Kind.HEADER:
        raise _bad_journal(writer, "its first record is no whole header")
    try:
        header = wire.check_header(wire.decode(Kind.HEADER, data[len(MAGIC) + HEAD_SIZE : end]))
    except (ValueError, UnsupportedJournal) as error:
        raise _bad_journal(writer, str(error)) from error
    if header.writer != writer:
        raise _bad_journal(writer, f"its header is of writer {header.writer[:64]!r}")
    return header


def decode_range(
    data: memoryview, offset: int, known: dict[int, Layout], writer: str, *, was_damaged: bool = False
) -> Range:
    """What is in the journal's bytes that begin at ``offset``, a frame's start (or the journal's).

    known: the journal's layouts so far, by schema id. was_damaged: whether earlier bytes of the journal were damaged, so that a
    schema may be missing: its rows then count as lost.
    Raises Refusal ``bad-journal`` when it is no journal, of a newer format, or has a row without its schema.
    """
    at = 0
    if offset == 0:
        read_header(data, writer)
        at = len(MAGIC)
    layouts = dict(known)
    items: list[Item] = []
    schemas: list[Layout] = []
    damaged: list[tuple[int, int]] = []
    lost: Counter[tuple[str, bool]] = Counter()
    lost_bytes: Counter[str] = Counter()
    rows = _Rows(data)
    count = 0
    objects_mark: tuple[int, int] | None = None
    size = len(data)
    unpack_head, unpack_id = HEAD.unpack_from, _SCHEMA_ID.unpack_from
    row_kind = int(Kind.ROW)
    last_row = -1

    def lose(reason: str, length: int, *, is_row: bool) -> None:
        lost[reason, is_row] += 1
        lost_bytes[reason] += length

    while at < size:
        if size - at >= HEAD_SIZE:
            crc, length, kind = unpack_head(data, at)
            end = at + HEAD_SIZE + length
            is_whole = length <= MAX_PAYLOAD and end <= size and crc32(data[at + 4 : end]) == crc
        else:
            is_whole = False
        if not is_whole:
            resume = next_frame(data, at, most_bytes=_SALVAGE_BYTES)
            end = size if resume is None else resume
            damaged.append((offset + at, offset + end))
            at = end
            continue
        if kind == row_kind:
            layout = layouts.get(unpack_id(data, at + HEAD_SIZE)[0]) if length >= 20 else None
            if layout is None:
                if not (damaged or was_damaged):
                    raise _bad_journal(writer, f"the row at byte {offset + at} has no schema")
                lose("rows whose schema was in a damaged part", length, is_row=True)
            elif layout.packed.size != length:
                lose("rows that do not fit their schema", length, is_row=True)
            else:
                if objects_mark is None or _ROW_MARK.unpack_from(data, at + HEAD_SIZE + 4) != objects_mark:
                    count += 1
                objects_mark = None
                rows.add(layout, at)
                last_row = at
            at = end
            continue
        payload = data[at + HEAD_SIZE : end]
        try:
            record = wire.decode(kind, payload)
            if isinstance(record, records.Schema):
                layout = Layout(SchemaRow(writer, record.id, record.names, record.types))
                items.extend(rows.take())
                layouts[record.id] = layout
                schemas.append(layout)
            elif isinstance(record, records.Header):
                if offset + at != len(MAGIC):
                    lose("a second header", length, is_row=False)
                else:
                    items.append(record)
            elif record is None:
                lose(f"records of kind {kind}, which this version does not know", length, is_row=False)
            else:
                if isinstance(record, records.Objects):
                    if abs(record.step) > MAX_STEP:
                        lose("rows with a step beyond 2^53", length, is_row=True)
                        at = end
                        continue
                    objects_mark = (record.step, record.time_ns)
                    row_mark = _ROW_MARK.unpack_from(data, last_row + HEAD_SIZE + 4) if last_row >= 0 else None
                    count += row_mark != objects_mark
                if kind in _KEEP_PLACE:
                    items.extend(rows.take())
                items.append(record)
        except (ValueError, RecursionError):
            lose("records that cannot be read", length, is_row=kind == Kind.OBJECTS)
        at = end
    items.extend(rows.take())
    reasons = {
        reason: (sum(times for (what, is_row), times in lost.items() if what == reason and is_row), lost_bytes[reason])
        for reason, _ in lost
    }
    return Range(data, offset, offset + size, items, schemas, count, damaged, reasons)


def _bad_journal(writer: str, why: str) -> Refusal:
    return Refusal("bad-journal", f"cannot read journal {writer}: {why}", hint="send the journal's bytes as they are")
