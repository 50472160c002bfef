from __future__ import annotations

import random
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from tests.server.served import Journal

from runlore.protocol import wire
from runlore.protocol.frames import Frame, scan
from runlore.protocol.records import Config, Kind, Summary
from runlore.server.ingest import decode
from runlore.server.ingest.decode import Range, Rows, decode_range
from runlore.server.refusal import Refusal

NAMES = [("a",), ("a", "b"), ("c",), ("b", "c", "d")]


def points(part: Range) -> tuple[dict[tuple[str, int], float], dict[str, Any], int]:
    """The newest value of each metric and step, the last value of each metric, and how many values there are."""
    newest: dict[tuple[str, int], float] = {}
    last: dict[str, Any] = {}
    count = 0
    for item in part.items:
        if isinstance(item, Rows):
            steps, _, columns = item.layout.read(part.buffer, item.starts)
            for name, values in columns.items():
                assert len(values) == len(steps)
                count += len(values)
                newest.update(((name, int(step)), float(value)) for step, value in zip(steps, values, strict=True))
            last.update(item.layout.last_values(part.buffer, item.starts[-1]))
        elif isinstance(item, Summary):
            last.update(item.set)
    return newest, last, count


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(NAMES), st.integers(0, 6)),
            st.sampled_from(["summary", "config"]),
        ),
        max_size=40,
    )
)
def test_rows_mean_the_same_as_in_their_order(entries: list[Any]) -> None:
    journal = Journal()
    newest: dict[tuple[str, int], float] = {}
    last: dict[str, Any] = {}
    count = 0
    for number, entry in enumerate(entries):
        if entry == "summary":
            journal.add(Summary(set={"a": f"manual {number}"}))
            last["a"] = f"manual {number}"
        elif entry == "config":
            journal.add(Config(set={"x": number}))
        else:
            names, step = entry
            values = {name: number + index / 10 for index, name in enumerate(names)}
            journal.row(step, **values)
            newest.update(((name, step), value) for name, value in values.items())
            last.update(values)
            count += len(values)
    part = decode_range(memoryview(journal.data), 0, {}, journal.writer)
    assert points(part) == (newest, last, count)
    assert part.rows == sum(isinstance(entry, tuple) for entry in entries)
    assert (part.end, part.damaged, part.lost) == (len(journal.data), [], {})


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 3))
def test_damage_is_found_where_the_scan_of_the_journal_finds_it(seed: int, wounds: int) -> None:
    chance = random.Random(seed)
    journal = Journal()
    for step in range(12):
        journal.row(step, a=float(step))
        if step % 4 == 0:
            journal.row(step, a=1.0, b=2.0)
    begin = len(Journal(writer=journal.writer, time_ns=journal.time_ns).data)
    hurt = bytearray(journal.data)
    for _ in range(wounds):
        start = chance.randrange(begin, len(hurt))
        for place in range(start, min(start + chance.choice([1, 1, 9, 60]), len(hurt))):
            hurt[place] = chance.choice([0, 255, chance.randrange(256)])
    found = list(scan(memoryview(hurt)[8:], is_final=True))
    part = decode_range(memoryview(bytes(hurt)), 0, {}, journal.writer)
    expected = [(item.start + 8, item.end + 8) for item in found if not isinstance(item, Frame)]
    assert _merged(part.damaged) == _merged(expected)
    rows = sum(isinstance(item, Frame) and item.kind == Kind.ROW for item in found)
    assert rows == part.rows + sum(count for count, _ in part.lost.values())


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in ranges:
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def test_looking_for_the_next_frame_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal().row(0, a=1.0)
    hole = bytes(5_000_000)
    bait = (b"\x00\x00\x00\x00" + (4000).to_bytes(4, "little") + b"\x03") * 2000
    tail = wire.encode_row("d", 0, 1, 1, (2.0,))
    whole = journal.data + hole + tail
    part = decode_range(memoryview(whole), 0, {}, journal.writer)
    assert part.damaged == [(len(journal.data), len(journal.data) + len(hole))]
    assert part.rows == 2
    monkeypatch.setattr(decode, "_SALVAGE_BYTES", 100_000)
    part = decode_range(memoryview(journal.data + bait + tail), 0, {}, journal.writer)
    assert part.damaged == [(len(journal.data), len(journal.data + bait + tail))]
    assert part.rows == 1


@given(st.binary(max_size=300))
def test_any_bytes_after_the_header_are_taken_or_refused(data: bytes) -> None:
    journal = Journal()
    try:
        part = decode_range(memoryview(journal.data + data), 0, {}, journal.writer)
    except Refusal as refusal:
        code = refusal.body.code
    else:
        code = "bad-journal"
        assert part.end == len(journal.data) + len(data)
    assert code == "bad-journal"


def test_schemas_of_earlier_ranges_are_used() -> None:
    journal = Journal().row(0, a=1.0)
    first = decode_range(memoryview(journal.data), 0, {}, journal.writer)
    known = {layout.schema.id: layout for layout in first.schemas}
    more = wire.encode_row("d", 0, 5, 5, (2.0,))
    part = decode_range(memoryview(more), len(journal.data), known, journal.writer)
    assert points(part)[0] == {("a", 5): 2.0}
    assert part.end == len(journal.data) + len(more)
    with pytest.raises(Refusal, match="no schema"):
        decode_range(memoryview(more), len(journal.data), {}, journal.writer)
