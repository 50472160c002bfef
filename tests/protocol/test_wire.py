"""Records ⇄ bytes: every kind, every value type, bit for bit."""

from __future__ import annotations

import math
import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.errors import UnsupportedJournal
from runlore.protocol import records, wire
from runlore.protocol.frames import Frame, encode_frame, scan
from runlore.protocol.records import Kind

text = st.text(max_size=20)
int64 = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(allow_nan=False)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | floats | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=10,
)
STRATEGIES: dict[type[records.Record], st.SearchStrategy[Any]] = {
    records.Header: st.builds(
        records.Header,
        run_id=text, project=text, writer=text, time_ns=int64, role=text, entity=text, name=text, notes=text,
        tags=st.lists(text, max_size=3), group=text, job_type=text, resume=text, starting_step=int64, runtime_s=floats,
        label=text, host=text, pid=int64, pid_start=floats, format=st.integers(0, 9), version=text,
    ),
    records.Schema: st.builds(
        records.Schema, id=st.integers(0, 2**32 - 1), names=st.lists(text, max_size=4), types=text
    ),
    records.Objects: st.builds(
        records.Objects, step=int64, time_ns=int64, values=st.dictionaries(text, plain, max_size=4)
    ),
    records.Config: st.builds(
        records.Config, set=st.dictionaries(text, plain, max_size=4), remove=st.lists(text, max_size=3)
    ),
    records.Summary: st.builds(
        records.Summary, set=st.dictionaries(text, plain, max_size=4), remove=st.lists(text, max_size=3)
    ),
    records.Metric: st.builds(
        records.Metric, name=text, step_metric=text, step_sync=st.booleans(), hidden=st.booleans(),
        summary=st.lists(text, max_size=3), goal=text, overwrite=st.booleans(),
    ),
    records.Console: st.builds(records.Console, time_ns=int64, text=text, stream=text),
    records.Run: st.builds(
        records.Run, name=st.none() | text, notes=st.none() | text, tags=st.none() | st.lists(text, max_size=3),
        group=st.none() | text, job_type=st.none() | text, state=st.none() | text,
    ),
    records.System: st.builds(
        records.System, start_ns=int64, end_ns=int64, samples=st.integers(0, 1000),
        values=st.dictionaries(text, st.lists(floats, min_size=3, max_size=3), max_size=4),
    ),
    records.Exit: st.builds(
        records.Exit, time_ns=int64, state=text, exit_code=st.none() | int64, signal=text, reason=text, on_behalf_of=text
    ),
    records.Loss: st.builds(records.Loss, time_ns=int64, reason=text, rows=int64, size_bytes=int64),
    records.Metadata: st.builds(records.Metadata, values=st.dictionaries(text, plain, max_size=4)),
}  # fmt: skip

VALUES: dict[str, st.SearchStrategy[bytes]] = {
    letter: st.binary(min_size=size, max_size=size) if letter != "?" else st.sampled_from([b"\x00", b"\x01"])
    for letter, size in wire.TYPE_SIZES.items()
}


def test_every_kind_has_a_struct_and_a_test() -> None:
    assert set(STRATEGIES) == set(wire.STRUCTS.values())
    assert {*wire.STRUCTS, Kind.ROW} == set(Kind)


@given(st.one_of(*STRATEGIES.values()))
def test_encode_then_decode_is_identity(record: records.Record) -> None:
    (frame,) = scan(wire.encode(record), is_final=True)
    assert isinstance(frame, Frame)
    found = wire.decode(frame.kind, frame.payload)
    assert type(found) is type(record)
    assert found == record


@pytest.mark.parametrize("bits", [0x7FF8000000000000, 0xFFF8000000000001, 0x7FF0000000000001, 0x8000000000000000])
def test_floats_inside_objects_keep_their_bits(bits: int) -> None:
    value = struct.unpack("<d", bits.to_bytes(8, "little"))[0]
    (frame,) = scan(wire.encode(records.Objects(step=0, time_ns=0, values={"a": [value]})), is_final=True)
    assert isinstance(frame, Frame)
    found = wire.decode(frame.kind, frame.payload)
    assert isinstance(found, records.Objects)
    assert struct.pack("<d", found.values["a"][0]) == bits.to_bytes(8, "little")


@given(st.lists(st.sampled_from(sorted(wire.TYPE_SIZES)), max_size=12), int64, int64, st.data())
def test_a_packed_row_keeps_every_bit_of_every_type(
    letters: list[str], step: int, time_ns: int, data: st.DataObject
) -> None:
    # From bits to values to bits: NaN payloads, infinities and -0.0 included.
    types = "".join(letters)
    packed = b"".join(data.draw(VALUES[letter]) for letter in letters)
    payload = wire.ROW_HEAD.pack(7, step, time_ns) + packed
    (frame,) = scan(encode_frame(Kind.ROW, payload), is_final=True)
    assert isinstance(frame, Frame)
    row = wire.decode_row(types, frame.payload)
    assert (row.schema, row.step, row.time_ns, len(row.values)) == (7, step, time_ns, len(types))
    again = wire.encode_row(types, row.schema, row.step, row.time_ns, row.values)
    # Narrow NaNs pass through Python's 64-bit floats, which may quieten them; in the journal they keep their bits.
    if not any(letter in "ef" and math.isnan(value) for letter, value in zip(types, row.values, strict=True)):
        assert again == encode_frame(Kind.ROW, payload)
    for value, found in zip(row.values, wire.decode_row(types, again[9:]).values, strict=True):
        assert value == found or (math.isnan(value) and math.isnan(found))
        assert type(value) is type(found)


@pytest.mark.parametrize(
    "value", [0.0, -0.0, 1.5, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, math.nan, -math.nan]
)
def test_float64_values_by_name(value: float) -> None:
    frame = wire.encode_row("d", 0, 1, 2, (value,))
    assert frame[9 + 20 :] == struct.pack("<d", value)
    assert struct.pack("<d", wire.decode_row("d", frame[9:]).values[0]) == struct.pack("<d", value)


@pytest.mark.parametrize(("letter", "value"), [("q", -(2**63)), ("q", 2**63 - 1), ("Q", 2**64 - 1), ("?", True)])
def test_integers_and_bools_keep_value_and_type(letter: str, value: int) -> None:
    found = wire.decode_row(letter, wire.encode_row(letter, 0, -(2**53), 0, (value,))[9:]).values[0]
    assert found == value
    assert type(found) is type(value)


def test_a_row_as_documented() -> None:
    # docs/design/journal.md: schema u32, step i64, time i64, then the values without padding.
    assert wire.encode_row("?d", 1, -2, 3, (True, 1.0))[9:].hex(" ") == (
        "01 00 00 00 fe ff ff ff ff ff ff ff 03 00 00 00 00 00 00 00 01 00 00 00 00 00 00 f0 3f"
    )


def test_defaults_are_left_out_and_unknown_fields_ignored() -> None:
    encoded = msgspec.msgpack.decode(wire.encode(records.Loss(time_ns=5, reason="disk full"))[9:])
    assert encoded == {"time_ns": 5, "reason": "disk full"}
    newer = msgspec.msgpack.encode({**encoded, "planet": "Mars"})
    assert wire.decode(Kind.LOSS, newer) == records.Loss(time_ns=5, reason="disk full")


def test_decode_of_an_unknown_kind_is_none() -> None:
    assert wire.decode(200, b"\x80") is None


@given(st.sampled_from(sorted(wire.STRUCTS)), st.binary(max_size=60))
def test_decode_of_any_bytes_raises_nothing_but_value_error(kind: int, payload: bytes) -> None:
    try:
        wire.decode(kind, payload)
    except ValueError as error:
        assert Kind(kind).name in str(error)  # noqa: PT017 - not raising is right as well


@pytest.mark.parametrize(
    "inside",
    [b"\x91" * 5000 + b"\xc0", b"\x81\xa1a" * 5000 + b"\xc0", b"\x81\x91\x01\x02", b"\x81\x80\x02", b"\x81\xc0\x01"],
)
def test_decode_of_hostile_values_gives_a_record_or_value_error(inside: bytes) -> None:
    payload = b"\x83\xa4step\x00\xa7time_ns\x00\xa6values\x81\xa1x" + inside
    try:
        found = wire.decode(Kind.OBJECTS, payload)
    except ValueError as error:
        assert "OBJECTS" in str(error)  # noqa: PT017 - not raising is right as well
    else:
        assert isinstance(found, records.Objects)


@given(st.text(alphabet="dfeqQ?xyi ", max_size=5), st.binary(max_size=60))
def test_decode_row_of_any_bytes_raises_nothing_but_value_error(types: str, payload: bytes) -> None:
    try:
        wire.decode_row(types, payload)
    except ValueError:
        return
    assert len(payload) == wire.row_struct(types).size


def test_encode_of_what_messagepack_cannot_hold_raises_type_error() -> None:
    with pytest.raises(TypeError):
        wire.encode(records.Objects(step=0, time_ns=0, values={"a": object()}))


def test_check_header_refuses_newer_formats_and_other_records() -> None:
    header = records.Header(run_id="r", project="p", writer="0" * 32, time_ns=1)
    assert wire.check_header(header) is header
    with pytest.raises(UnsupportedJournal, match="update runlore"):
        wire.check_header(
            records.Header(run_id="r", project="p", writer="0" * 32, time_ns=1, format=records.FORMAT + 1)
        )
    for other in (None, records.Config()):
        with pytest.raises(UnsupportedJournal, match="no header"):
            wire.check_header(other)
