"""Column frames, and the golden file that the web app reads too (``web/src/data/columns.test.ts``).

``golden_columns.bin`` holds, in this order, the columns

    x  f8  [0, 0.5, -0.0, NaN, +Inf, -Inf, 1e300]     NaN is the quiet one, bytes 00 00 00 00 00 00 f8 7f
    i  i8  [-1, 0, 2**53 + 1]
    u  u4  [0, 1, 4294967295]
    p  u1  [0, 1, 255]

and the meta {"x": "_step", "text": "é✓"}. It never changes while the magic is "RLC1".
"""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.protocol.columns import ITEM_SIZES, MAGIC, decode, encode

GOLDEN = Path(__file__).with_name("golden_columns.bin")
GOLDEN_COLUMNS: dict[str, tuple[str, bytes | memoryview]] = {
    "x": ("f8", struct.pack("<7d", 0, 0.5, -0.0, math.nan, math.inf, -math.inf, 1e300)),
    "i": ("i8", struct.pack("<3q", -1, 0, 2**53 + 1)),
    "u": ("u4", struct.pack("<3I", 0, 1, 4294967295)),
    "p": ("u1", bytes([0, 1, 255])),
}
GOLDEN_META = {"x": "_step", "text": "é✓"}


def test_encode_gives_the_golden_bytes() -> None:
    assert encode(GOLDEN_COLUMNS, GOLDEN_META) == GOLDEN.read_bytes()


def test_decode_of_the_golden_file_gives_every_value_bit_for_bit() -> None:
    columns, meta = decode(GOLDEN.read_bytes())
    assert meta == GOLDEN_META
    assert list(columns) == ["x", "i", "u", "p"]
    assert {name: (kind, bytes(data)) for name, (kind, data) in columns.items()} == GOLDEN_COLUMNS
    x = struct.unpack("<7d", columns["x"][1])
    assert math.isnan(x[3])
    assert math.copysign(1, x[2]) == -1
    assert struct.unpack("<3q", columns["i"][1])[2] == 9007199254740993


def test_columns_begin_at_multiples_of_eight() -> None:
    frame = GOLDEN.read_bytes()
    length = int.from_bytes(frame[4:8], "little")
    header = json.loads(frame[8 : 8 + length])
    base = 8 + length + -(8 + length) % 8
    assert frame[:4] == MAGIC
    assert [(base + column["offset"]) % 8 for column in header["columns"]] == [0, 0, 0, 0]
    assert len(frame) % 8 == 0


columns_strategy = st.dictionaries(
    st.text(max_size=20),
    st.sampled_from(sorted(ITEM_SIZES)).flatmap(
        lambda kind: st.integers(0, 40).flatmap(
            lambda count: st.binary(min_size=count * ITEM_SIZES[kind], max_size=count * ITEM_SIZES[kind]).map(
                lambda data: (kind, data)
            )
        )
    ),
    max_size=6,
)
meta_strategy = st.dictionaries(st.text(max_size=8), st.none() | st.integers(-(2**53), 2**53) | st.text(max_size=8))


@given(columns_strategy, meta_strategy)
def test_encode_then_decode_is_identity(
    columns: dict[str, tuple[str, bytes | memoryview]], meta: dict[str, object]
) -> None:
    found, found_meta = decode(encode(columns, meta))
    assert {name: (kind, bytes(data)) for name, (kind, data) in found.items()} == columns
    assert found_meta == meta


@given(st.data())
def test_decode_of_a_truncated_frame_raises_value_error_or_gives_what_is_whole(data: st.DataObject) -> None:
    frame = GOLDEN.read_bytes()
    cut = data.draw(st.integers(0, len(frame) - 1))
    try:
        columns, _ = decode(frame[:cut])
    except ValueError:
        return
    # Only the padding after the last column may be missing.
    assert {name: (kind, bytes(view)) for name, (kind, view) in columns.items()} == GOLDEN_COLUMNS


@given(st.binary(max_size=200))
def test_decode_of_any_bytes_raises_nothing_but_value_error(junk: bytes) -> None:
    for frame in (junk, MAGIC + junk):
        try:
            decode(frame)
        except ValueError:
            continue


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b"7",
        b'{"meta":{},"columns":7}',
        b'{"meta":{},"columns":[{"name":"a","type":"f8","length":1,"offset":-8}]}',
        b'{"meta":{},"columns":[{"name":"a","type":"f8","length":-1,"offset":0}]}',
        b'{"meta":{},"columns":[{"name":"a","type":["f8"],"length":1,"offset":0}]}',
        b'{"meta":{},"columns":[{"name":"a","type":"f8","length":"1","offset":0}]}',
        b'{"meta":{},"columns":[{"name":"a","type":"f8","length":0.5,"offset":0}]}',
        b'{"meta":{},"columns":[{"name":["a"],"type":"f8","length":1,"offset":0}]}',
    ],
)
def test_decode_of_a_hostile_header_raises_value_error(header: bytes) -> None:
    frame = MAGIC + len(header).to_bytes(4, "little") + header + bytes(16 + -(8 + len(header)) % 8)
    with pytest.raises(ValueError, match="column"):
        decode(frame)


@pytest.mark.parametrize(("kind", "size"), [("f8", 7), ("i8", 9), ("u4", 3), ("f4", 4)])
def test_encode_of_a_wrong_column_names_it(kind: str, size: int) -> None:
    with pytest.raises(ValueError, match="'loss'"):
        encode({"loss": (kind, bytes(size))}, {})
