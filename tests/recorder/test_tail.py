"""Cutting ranges out of journals that are still written, cut short or damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.recorder.writing import Written

from runlore.errors import UnsupportedJournal
from runlore.protocol import wire
from runlore.protocol.frames import MAGIC, Damage, encode_frame, scan
from runlore.protocol.records import Console, Exit, Header, Kind
from runlore.recorder import tail as tail_module
from runlore.recorder.tail import Range, Tail, pieces, read_exits

if TYPE_CHECKING:
    from pathlib import Path


def all_ranges(tail: Tail, *, is_final: bool, limit: int) -> list[Range]:
    found: list[Range] = []
    at = 0
    while (part := tail.cut(at, is_final=is_final, limit=limit)).end > at:
        found.append(part)
        at = part.end
    return found


def test_ranges_cover_all_whole_frames_and_end_at_frames(tmp_path: Path) -> None:
    journal = Written(tmp_path)
    journal.add_rows(1000)
    data = journal.path.read_bytes()
    starts = {item.start + 8 for item in scan(memoryview(data)[8:], is_final=True)} | {len(data)}
    ranges = all_ranges(Tail(str(journal.path)), is_final=False, limit=5000)
    assert [part.start for part in ranges] == [0, *(part.end for part in ranges[:-1])]
    assert ranges[-1].end == len(data)
    assert all(part.end in starts and part.end - part.start <= 5000 and not part.damaged_bytes for part in ranges)
    assert all(part.end - part.start > 5000 - 109 - 200 for part in ranges[1:-1])


def test_a_frame_longer_than_the_limit_is_a_range_of_its_own(tmp_path: Path) -> None:
    journal = Written(tmp_path)
    journal.add_rows(5)
    before = journal.path.stat().st_size
    journal.add(Console(time_ns=1, text="x" * 3_000_000))
    after = journal.path.stat().st_size
    journal.add_rows(5, 5)
    ranges = all_ranges(Tail(str(journal.path)), is_final=False, limit=100_000)
    assert [(part.start, part.end) for part in ranges] == [
        (0, before),
        (before, after),
        (after, journal.path.stat().st_size),
    ]


def test_an_unfinished_frame_is_left_alone(tmp_path: Path) -> None:
    journal = Written(tmp_path)
    whole = journal.path.stat().st_size
    frame = wire.encode(Console(time_ns=1, text="y" * 500))
    for cut in (1, 8, 9, 100, len(frame) - 1):
        journal.add_bytes(frame[:cut])
        for is_final in (False, True):
            assert Tail(str(journal.path)).cut(0, is_final=is_final) == Range(0, whole, 0)
        journal.path.write_bytes(journal.path.read_bytes()[:whole])


def test_a_file_that_is_no_journal_gives_nothing_and_its_header_says_why(tmp_path: Path) -> None:
    path = tmp_path / "a.rlj"
    for content in (b"", b"RLJ1", MAGIC, b"something else entirely, long enough"):
        path.write_bytes(content)
        assert Tail(str(path)).cut(0, is_final=True) == Range(0, 0, 0)
        with pytest.raises((EOFError, UnsupportedJournal)):
            Tail(str(path)).header()
    path.write_bytes(MAGIC + wire.encode(Header(run_id="r", project="p", writer="0" * 32, time_ns=1, format=99)))
    with pytest.raises(UnsupportedJournal, match="format 99"):
        Tail(str(path)).header()
    damaged = bytearray(MAGIC + wire.encode(Header(run_id="r", project="p", writer="0" * 32, time_ns=1)))
    damaged[20] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(UnsupportedJournal, match="damaged"):
        Tail(str(path)).header()


def test_a_damaged_length_of_a_live_journal_is_passed_once_the_writer_is_quiet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Written(tmp_path)
    journal.add_rows(10)
    data = bytearray(journal.path.read_bytes())
    start = len(data) - 3 * 109
    data[start + 4 : start + 8] = (1_000_000).to_bytes(4, "little")  # as if a long frame were being written
    journal.path.write_bytes(data)
    tail = Tail(str(journal.path))
    assert tail.cut(0, is_final=False).end == start
    assert tail.cut(start, is_final=False).end == start
    monkeypatch.setattr(tail_module, "PATIENCE_S", 0.0)
    assert tail.cut(start, is_final=False) == Range(start, len(data), 109)
    assert tail.damaged_bytes == 109


def test_exits_are_noticed_also_among_other_records(tmp_path: Path) -> None:
    journal = Written(tmp_path)
    journal.add_rows(3)
    journal.finish("failed")
    journal.add_rows(3, 3)
    (found,) = read_exits(str(journal.path))
    assert isinstance(found, Exit)
    assert found.state == "failed"


def test_an_exit_that_cannot_be_read_ships_all_the_same(tmp_path: Path) -> None:
    journal = Written(tmp_path)
    journal.add_bytes(encode_frame(Kind.EXIT, b"\x93\x01\x02\x03"))
    tail = Tail(str(journal.path))
    assert tail.cut(0, is_final=False).end == journal.path.stat().st_size
    assert not tail.exits


def test_pieces_of_a_file_that_got_shorter_raise(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    with path.open("rb", buffering=0) as file:
        assert b"".join(pieces(file, 1, 3)) == b"bc"
        with pytest.raises(EOFError):
            list(pieces(file, 1, 5))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.data())
def test_ranges_of_a_damaged_journal_agree_with_scan(tmp_path: Path, data: st.DataObject) -> None:
    rows = [wire.encode_row("dq", 0, step, 10**18, (step / 3, step)) for step in range(30)]
    header = MAGIC + wire.encode(Header(run_id="r", project="p", writer="0" * 32, time_ns=1))
    content = bytearray(header + b"".join(rows))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(len(header), len(content) - 1))
        content[at] ^= data.draw(st.integers(1, 255))
    if data.draw(st.booleans()):
        at = data.draw(st.integers(len(header), len(content)))
        content[at:at] = data.draw(st.binary(max_size=200))
    path = tmp_path / "a.rlj"
    path.write_bytes(content)
    items = list(scan(memoryview(content)[8:], is_final=True))
    damaged = [(item.start + 8, item.end + 8) for item in items if isinstance(item, Damage)]
    end = damaged.pop()[0] if damaged and damaged[-1][1] == len(content) else len(content)
    ranges = all_ranges(Tail(str(path)), is_final=True, limit=300)
    assert ranges[-1].end == end
    assert sum(part.damaged_bytes for part in ranges) == sum(b - a for a, b in damaged)
    # A server scans range by range, and must find the same frames.
    frames: list[tuple[int, int]] = []
    for part in ranges:
        skip = max(part.start, 8)
        found = scan(memoryview(content)[skip : part.end], is_final=True)
        frames += [(item.start + skip, item.kind) for item in found if not isinstance(item, Damage)]
    assert frames == [(item.start + 8, item.kind) for item in items if not isinstance(item, Damage)]
