"""Journal frames: identity, truncation, damage."""

from __future__ import annotations

import random
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runlore.protocol.frames import (
    HEAD_SIZE,
    MAX_KIND_AFTER_DAMAGE,
    MAX_PAYLOAD,
    Damage,
    Frame,
    encode_frame,
    frame_end,
    scan,
    whole_end,
)

frames = st.lists(st.tuples(st.integers(1, MAX_KIND_AFTER_DAMAGE), st.binary(max_size=60)), max_size=12)


def written(items: list[tuple[int, bytes]]) -> tuple[bytes, list[int]]:
    """The bytes of frames, and where each begins, with the end of the last."""
    parts = [encode_frame(kind, payload) for kind, payload in items]
    starts = [0]
    for part in parts:
        starts.append(starts[-1] + len(part))
    return b"".join(parts), starts


def found_in(buffer: bytes, *, is_final: bool) -> list[tuple[int, int, bytes] | tuple[int, int]]:
    """What scan yields, as values: frames as (start, kind, payload), damage as (start, end)."""
    return [
        (item.start, item.kind, bytes(item.payload)) if isinstance(item, Frame) else (item.start, item.end)
        for item in scan(buffer, is_final=is_final)
    ]


@given(frames, st.booleans())
def test_write_then_scan_is_identity(items: list[tuple[int, bytes]], is_final: bool) -> None:
    buffer, starts = written(items)
    expected = [(start, kind, payload) for start, (kind, payload) in zip(starts, items, strict=False)]
    assert found_in(buffer, is_final=is_final) == expected
    assert whole_end(buffer) == len(buffer)


@given(frames, st.data())
def test_any_truncation_gives_a_prefix(items: list[tuple[int, bytes]], data: st.DataObject) -> None:
    buffer, starts = written(items)
    cut = data.draw(st.integers(0, len(buffer)))
    whole = max(start for start in starts if start <= cut)
    expected = [(start, kind, payload) for start, (kind, payload) in zip(starts, items, strict=False) if start < whole]
    assert found_in(buffer[:cut], is_final=False) == expected
    assert found_in(buffer[:cut], is_final=True) == expected + ([(whole, cut)] if cut > whole else [])
    assert whole_end(buffer[:cut]) == whole


@given(frames.filter(bool), st.data())
@example([(3, b"")], None)
def test_any_flipped_byte_is_detected_and_all_else_salvaged(
    items: list[tuple[int, bytes]], data: st.DataObject | None
) -> None:
    buffer, starts = written(items)
    at = data.draw(st.integers(0, len(buffer) - 1)) if data else 4
    flip = data.draw(st.integers(1, 255)) if data else 255
    damaged = bytearray(buffer)
    damaged[at] ^= flip
    hit = max(i for i, start in enumerate(starts[:-1]) if start <= at)
    expected = [
        (start, kind, payload)
        for i, (start, (kind, payload)) in enumerate(zip(starts, items, strict=False))
        if i != hit
    ]
    found = found_in(bytes(damaged), is_final=True)
    assert [item for item in found if len(item) == 3] == expected
    assert [item for item in found if len(item) == 2] == [(starts[hit], starts[hit + 1])]
    assert whole_end(bytes(damaged)) == starts[hit]


@given(frames, frames, st.binary(min_size=1, max_size=200))
def test_every_byte_is_accounted_for_exactly_once(
    before: list[tuple[int, bytes]], after: list[tuple[int, bytes]], junk: bytes
) -> None:
    buffer = written(before)[0] + junk + written(after)[0]
    for is_final in (False, True):
        at = 0
        items = list(scan(buffer, is_final=is_final))
        for item in items:
            assert item.start == at
            if isinstance(item, Frame):
                at += HEAD_SIZE + len(item.payload)
                assert encode_frame(item.kind, bytes(item.payload)) == buffer[item.start : at]
            else:
                at = item.end
        assert at == len(buffer) if is_final else at <= len(buffer)
    salvaged = [(item.kind, bytes(item.payload)) for item in items if isinstance(item, Frame)]
    assert salvaged[: len(before)] == before


def test_an_unfinished_frame_is_reported_only_when_nothing_follows_any_more() -> None:
    buffer = encode_frame(3, b"whole") + encode_frame(3, b"unfinished")[:-1]
    assert [type(item) for item in scan(buffer, is_final=False)] == [Frame]
    assert [type(item) for item in scan(buffer, is_final=True)] == [Frame, Damage]


def test_a_length_beyond_the_limit_is_damage_and_not_waited_for() -> None:
    body = (MAX_PAYLOAD + 1).to_bytes(4, "little") + b"\x03"
    head = zlib.crc32(body).to_bytes(4, "little") + body
    buffer = head + encode_frame(3, b"after")
    assert found_in(buffer, is_final=False) == [(0, HEAD_SIZE), (HEAD_SIZE, 3, b"after")]


def test_salvage_after_a_megabyte_of_noise() -> None:
    noise = random.Random(1).randbytes(1_000_000)
    buffer = noise + encode_frame(3, b"after")
    assert found_in(buffer, is_final=True) == [(0, len(noise)), (len(noise), 3, b"after")]


@pytest.mark.parametrize("kind", [-1, 256])
def test_encode_frame_refuses_a_kind_outside_a_byte(kind: int) -> None:
    with pytest.raises(ValueError, match=str(kind)):
        encode_frame(kind, b"")


def test_encode_frame_refuses_too_long_a_payload() -> None:
    with pytest.raises(ValueError, match="at most"):
        encode_frame(3, bytes(MAX_PAYLOAD + 1))


def test_a_frame_as_documented() -> None:
    # docs/design/journal.md: crc, length, kind, payload, little-endian.
    assert encode_frame(3, b"ab").hex(" ") == "9c 2a ef d7 02 00 00 00 03 61 62"
    assert frame_end(memoryview(encode_frame(3, b"ab")), 0) == 11
