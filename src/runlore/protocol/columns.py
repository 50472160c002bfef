"""Binary column frames: how series travel to the browser and to the Api.

Layout, little-endian (the TypeScript twin is ``web/src/data/columns.ts``; both are tested on one golden file):

    frame   = MAGIC header_length:u32 header padding column*
    MAGIC   = "RLC1"
    header  = UTF-8 JSON {"meta": {...}, "columns": [{"name", "type", "length", "offset"}, ...]}
    padding = zero bytes up to a multiple of 8, counted from the start of the frame
    column  = length values of type f8, i8, u4 or u1, then zero bytes up to a multiple of 8

``offset`` counts bytes from the start of the first column. f8 float64, i8 int64, u4 uint32, u1 uint8.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

MAGIC: Final = b"RLC1"
ITEM_SIZES: Final = {"f8": 8, "i8": 8, "u4": 4, "u1": 1}


def encode(columns: dict[str, tuple[str, bytes | memoryview]], meta: dict[str, Any]) -> bytes:
    """The frame's bytes.

    columns: name → (type, little-endian bytes of the values). meta: any JSON value, small.
    Raises ValueError when a type is unknown or a column's bytes are no whole number of values.
    """
    heads: list[dict[str, Any]] = []
    parts: list[bytes | memoryview] = []
    at = 0
    for name, (kind, data) in columns.items():
        size = ITEM_SIZES.get(kind)
        count_bytes = data.nbytes if isinstance(data, memoryview) else len(data)
        if size is None or count_bytes % size:
            raise ValueError(f"cannot encode column {name!r}: {count_bytes} bytes of type {kind!r}")
        heads.append({"name": name, "type": kind, "length": count_bytes // size, "offset": at})
        pad = -count_bytes % 8
        parts.append(data)
        parts.append(bytes(pad))
        at += count_bytes + pad
    header = msgspec.json.encode({"meta": meta, "columns": heads})
    start = MAGIC + len(header).to_bytes(4, "little") + header
    return b"".join([start, bytes(-len(start) % 8), *parts])


def decode(frame: bytes | memoryview) -> tuple[dict[str, tuple[str, memoryview]], dict[str, Any]]:
    """The columns (views into ``frame``, not copies) and the meta of a frame.

    Raises ValueError when the bytes are no column frame.
    """
    view = memoryview(frame)
    if bytes(view[:4]) != MAGIC or len(view) < 8:
        raise ValueError(f"cannot read a column frame: it begins with {bytes(view[:8])!r}, expected {MAGIC!r}")
    length = int.from_bytes(view[4:8], "little")
    try:
        header = msgspec.json.decode(view[8 : 8 + length])
        base = 8 + length + (-(8 + length) % 8)
        columns: dict[str, tuple[str, memoryview]] = {}
        for head in header["columns"]:
            start = base + head["offset"]
            data = view[start : start + head["length"] * ITEM_SIZES[head["type"]]]
            if head["offset"] < 0 or data.nbytes != head["length"] * ITEM_SIZES[head["type"]]:
                raise ValueError(f"cannot read column {head['name']!r}: it lies outside the frame")
            columns[head["name"]] = (head["type"], data)
        return columns, header["meta"]
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise ValueError(f"cannot read a column frame of {len(view)} bytes: {error!r}") from error
