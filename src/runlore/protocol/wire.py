"""Bytes ⇄ records: what stands inside a frame of each kind.

A packed row is ``schema:u32 step:i64 time_ns:i64`` followed by the values in the order of its schema, each in the
layout of its type letter, without padding. Every other kind is the MessagePack map of a struct in ``records.py``.
"""

from __future__ import annotations

import struct
from typing import Any, Final, NamedTuple

import msgspec

from runlore.errors import UnsupportedJournal
from runlore.protocol import records
from runlore.protocol.frames import encode_frame
from runlore.protocol.records import Kind

TYPE_SIZES: Final = {"d": 8, "f": 4, "e": 2, "q": 8, "Q": 8, "?": 1}
"""Value types of packed rows: float64, float32, float16, int64, uint64, bool. Sizes in bytes."""

ROW_HEAD: Final = struct.Struct("<Iqq")
"""schema id, step, time in ns."""

STRUCTS: Final[dict[int, type[records.Record]]] = {
    Kind.HEADER: records.Header,
    Kind.SCHEMA: records.Schema,
    Kind.OBJECTS: records.Objects,
    Kind.CONFIG: records.Config,
    Kind.SUMMARY: records.Summary,
    Kind.METRIC: records.Metric,
    Kind.CONSOLE: records.Console,
    Kind.RUN: records.Run,
    Kind.SYSTEM: records.System,
    Kind.EXIT: records.Exit,
    Kind.LOSS: records.Loss,
    Kind.METADATA: records.Metadata,
}
"""The struct of each kind but ROW."""

_KINDS: Final = {struct_type: kind for kind, struct_type in STRUCTS.items()}
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODERS: Final = {kind: msgspec.msgpack.Decoder(struct_type) for kind, struct_type in STRUCTS.items()}


class Row(NamedTuple):
    """A packed row, unpacked."""

    schema: int
    step: int
    time_ns: int
    values: tuple[float | int | bool, ...]


def encode(record: records.Record) -> bytes:
    """The whole frame of a record.

    Raises TypeError when a value inside has no MessagePack form, ValueError when the frame would be too long.
    """
    return encode_frame(_KINDS[type(record)], _ENCODER.encode(record))


def decode(kind: int, payload: bytes | memoryview) -> records.Record | None:
    """The record of a frame, or None for a kind this version does not know (written by a newer one).

    Not for ROW frames, whose layout is in their schema. Raises ValueError when the payload is not such a record.
    """
    decoder = _DECODERS.get(kind)
    if decoder is None:
        return None
    try:
        return decoder.decode(payload)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"cannot read a {Kind(kind).name} record of {len(payload)} bytes: {error}") from error


def check_header(header: records.Record | None) -> records.Header:
    """The header itself.

    Raises UnsupportedJournal when it is something else or of a newer format.
    """
    if not isinstance(header, records.Header):
        raise UnsupportedJournal("cannot read the journal: its first record is no header")
    if header.format > records.FORMAT:
        raise UnsupportedJournal(
            f"cannot read the journal of run {header.run_id!r}: it has format {header.format}, "
            f"this version reads up to {records.FORMAT}; update runlore"
        )
    return header


def row_struct(types: str) -> struct.Struct:
    """The layout of a whole packed row, its head included.

    Raises ValueError when a type letter is unknown.
    """
    unknown = set(types) - TYPE_SIZES.keys()
    if unknown:
        raise ValueError(f"cannot lay out a row: unknown type letters {sorted(unknown)}, expected {sorted(TYPE_SIZES)}")
    return struct.Struct("<Iqq" + types)


def encode_row(types: str, schema: int, step: int, time_ns: int, values: tuple[Any, ...]) -> bytes:
    """The whole frame of a packed row. The SDK has its own faster form of this; both must agree."""
    return encode_frame(Kind.ROW, row_struct(types).pack(schema, step, time_ns, *values))


def decode_row(types: str, payload: bytes | memoryview) -> Row:
    """The row in a ROW payload.

    Raises ValueError when the payload's length does not fit the schema.
    """
    layout = row_struct(types)
    if len(payload) != layout.size:
        raise ValueError(f"cannot read a row of {len(payload)} bytes: its schema takes {layout.size}")
    schema, step, time_ns, *values = layout.unpack(payload)
    return Row(schema, step, time_ns, tuple(values))
