"""Batches of the tail ⇄ bytes: rows as they were accepted, uncut and in order of arrival.

A batch is one zstd frame of ``blocks:u32`` and, for each block, ``rows:u32 layout_bytes:u32 layout``, zeros up to a
multiple of 8, steps i64, times i64, then the columns in the order of the layout, then zeros up to a multiple of 8.
The layout is MessagePack [types, metric numbers], one type letter a column, wider types first.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np

from runlore.protocol.wire import TYPE_SIZES
from runlore.store.series.codec import compress, decompress

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from runlore.store.base import Block, Ints, Stream
    from runlore.store.series.codec import Bits

_COUNT: Final = struct.Struct("<I")
_BLOCK: Final = struct.Struct("<II")
_ORDER: Final = sorted(TYPE_SIZES, key=lambda letter: (-TYPE_SIZES[letter], letter))
_RANK: Final = {letter: rank for rank, letter in enumerate(_ORDER)}
_DTYPES: Final = {"d": "<f8", "f": "<f4", "e": "<f2", "q": "<i8", "Q": "<u8", "?": "|b1"}
_LETTERS: Final[dict[np.dtype[Any], str]] = {np.dtype(dtype): letter for letter, dtype in _DTYPES.items()}
_HEAD_BYTES: Final = 16
"""Bytes of a row's step and time."""


class Layout(NamedTuple):
    """What columns a block has, and where. Shared by all blocks with the same columns.

    offsets: shape (columns + 1,), bytes before each column for one row. place: metric number → column.
    runs: (letter, first column, end column) of equal types.
    """

    types: str
    keys: tuple[int, ...]
    offsets: tuple[int, ...]
    place: dict[int, int]
    runs: tuple[tuple[str, int, int], ...]


class TailBlock(NamedTuple):
    """A block of a batch, not decoded yet. start: where its steps begin in ``data``."""

    layout: Layout
    rows: int
    data: bytes
    start: int

    def steps(self) -> Ints:
        """Steps in order of arrival. Shape (rows,)."""
        return np.frombuffer(self.data, "<i8", self.rows, self.start)

    def times_ns(self) -> Ints:
        """Times. Shape (rows,)."""
        return np.frombuffer(self.data, "<i8", self.rows, self.start + 8 * self.rows)

    def exact(self, column: int) -> Bits:
        """Exact bits of one column. Shape (rows,)."""
        letter = self.layout.types[column]
        at = self.start + self.layout.offsets[column] * self.rows
        return widened(np.frombuffer(self.data, _DTYPES[letter], self.rows, at), letter)

    def all_exact(self) -> Bits:
        """Exact bits of all columns. Shape (columns, rows)."""
        found = np.empty((len(self.layout.keys), self.rows), np.uint64)
        for letter, first, end in self.layout.runs:
            at = self.start + self.layout.offsets[first] * self.rows
            columns = np.frombuffer(self.data, _DTYPES[letter], (end - first) * self.rows, at)
            found[first:end] = widened(columns, letter).reshape(end - first, self.rows)
        return found


def widened(values: NDArray[Any], letter: str) -> Bits:
    """The exact bits of values of a kind: float64, int64 or uint64 bits; narrower floats widened, bool as 0 or 1."""
    if letter in "dqQ":
        return values.view(np.uint64)
    if letter == "?":
        return values.astype(np.uint64)
    with np.errstate(invalid="ignore"):
        return values.astype(np.float64).view(np.uint64)


def letter_of(values: NDArray[Any]) -> str:
    """The kind of a column. Raises TypeError when its dtype is none that a block may have."""
    letter = _LETTERS.get(values.dtype) or _LETTERS.get(values.dtype.newbyteorder("<"))
    if letter is None:
        expected = ", ".join(str(dtype) for dtype in _LETTERS)
        raise TypeError(f"cannot store a column of {values.dtype}: expected one of {expected}")
    return letter


def encode(blocks: Sequence[Block], keys: Mapping[Stream, Mapping[str, int]]) -> bytes:
    """The batch of one segment's blocks. keys: the numbers of the names in each stream.

    Raises ValueError when the arrays of a block differ in length, TypeError for a dtype that cannot be stored.
    """
    parts: list[bytes] = [_COUNT.pack(len(blocks)), bytes(4)]
    for block in blocks:
        rows = len(block.steps)
        numbers = keys[block.stream]
        columns = [(letter_of(values), numbers[name], values) for name, values in block.columns.items()]
        _check(block, rows)
        columns.sort(key=lambda column: _RANK[column[0]])
        types = "".join(letter for letter, _, _ in columns)
        layout = msgspec.msgpack.encode([types, [key for _, key, _ in columns]])
        parts.append(_BLOCK.pack(rows, len(layout)))
        parts.append(layout + bytes(-len(layout) % 8))
        parts.append(np.ascontiguousarray(block.steps, "<i8").tobytes())
        parts.append(np.ascontiguousarray(block.times_ns, "<i8").tobytes())
        size = 0
        for letter, same in groupby(columns, key=lambda column: column[0]):
            data = np.concatenate([values for _, _, values in same]).astype(_DTYPES[letter], copy=False).tobytes()
            size += len(data)
            parts.append(data)
        parts.append(bytes(-size % 8))
    return compress(b"".join(parts))


def _check(block: Block, rows: int) -> None:
    wrong = [name for name, values in block.columns.items() if values.shape != (rows,)]
    if block.steps.shape != (rows,) or block.times_ns.shape != (rows,) or wrong:
        raise ValueError(
            f"cannot store a block of {rows} steps and {len(block.times_ns)} times: columns {wrong} have another shape"
        )


def decode(data: bytes, what: str) -> list[TailBlock]:
    """The blocks of a batch in order of arrival. what: names it in messages. Raises StorageFailed when damaged."""
    body = decompress(data, what)
    (count,) = _COUNT.unpack_from(body)
    at = 8
    blocks = []
    for _ in range(count):
        rows, size = _BLOCK.unpack_from(body, at)
        at += _BLOCK.size
        layout = _layout(body[at : at + size])
        at += size + -size % 8
        blocks.append(TailBlock(layout, rows, body, at))
        size = layout.offsets[-1] * rows
        at += size + -size % 8
    return blocks


@lru_cache(maxsize=2048)
def _layout(data: bytes) -> Layout:
    types, keys = msgspec.msgpack.decode(data)
    offsets = [_HEAD_BYTES]
    for letter in types:
        offsets.append(offsets[-1] + TYPE_SIZES[letter])
    runs = []
    at = 0
    for letter, same in groupby(types):
        end = at + sum(1 for _ in same)
        runs.append((letter, at, end))
        at = end
    place = {key: column for column, key in enumerate(keys)}
    return Layout(types, tuple(keys), tuple(offsets), place, tuple(runs))


def batch_bytes(blocks: Iterable[TailBlock]) -> int:
    """About what decoded blocks take in memory."""
    return sum(len(block.data) for block in list(blocks)[:1]) + 256
