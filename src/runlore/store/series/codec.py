"""Columns of numbers ⇄ compressed bytes: the format of every block. Layout in ``docs/design/series.md``.

A block holds columns of one length. A column is reduced to bytes that are mostly equal (differences, an offset, a
decimal exponent, or the bare bits), split into planes of first bytes, second bytes and so on, and each plane is a
compressed block of its own inside one zstd frame: planes of noise and planes of repetition do not spoil each other.
The frame has a checksum, so that a flipped bit is an error and never a value.
"""

from __future__ import annotations

import struct
import threading
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import zstandard

from runlore.errors import StorageFailed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runlore.store.base import Bytes, Floats, Ints

    Bits = NDArray[np.uint64]
    Column = NDArray[Any]

_HEAD: Final = struct.Struct("<IB")
"""Number of values in a column, number of columns."""

_COLUMN: Final = struct.Struct("<BBBqq")
"""Form, planes, decimal exponent, base, least difference."""

_VALUES: Final = 0
"""int64: base + 10^exponent · offset."""
_DIFFERENCES: Final = 1
"""int64: the first is base, each next one adds least + 10^exponent · offset."""
_BITS: Final = 2
"""uint64 as it is."""
_DECIMAL: Final = 4
"""Added to one of the first two: float64 bits of that integer divided by 10^exponent, correctly rounded."""
_SMALL: Final = 8
"""uint8."""

_UNITS: Final = (1_000_000_000, 1_000_000, 1_000)
_POWERS: Final = 10.0 ** np.arange(10)
_EXACT: Final = 2.0**53
_SAMPLE: Final = 16

_LEVEL: Final = 1

FLOAT_KINDS: Final = frozenset(b"dfe")
"""Kinds whose exact bits are those of a float64."""

_IS_SIGNED: Final = np.zeros(256, dtype=np.bool_)
_IS_SIGNED[ord("q")] = True
_IS_UNSIGNED: Final = np.zeros(256, dtype=np.bool_)
_IS_UNSIGNED[[ord("Q"), ord("?")]] = True


class _Codecs(threading.local):
    """zstd contexts are costly to make and must not be shared by threads."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=_LEVEL, write_content_size=True, write_checksum=True)
        self.decompressor = zstandard.ZstdDecompressor()


_codecs: Final = _Codecs()


def compress(data: bytes) -> bytes:
    """One zstd frame that knows its length."""
    return _codecs.compressor.compress(data)


def decompress(frame: bytes | memoryview, what: str) -> bytes:
    """What ``compress`` was given. what: names the object in the message. Raises StorageFailed for damaged bytes."""
    try:
        return _codecs.decompressor.decompress(frame)
    except zstandard.ZstdError as error:
        raise StorageFailed(f"cannot read {what}: its bytes are damaged ({error}); check the disk") from error


class Packer:
    """Collects columns of one length and packs them into a block."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._heads: list[bytes] = []
        self._planes: list[bytes] = []

    def ints(self, column: Ints) -> Packer:
        """Add an int64 column."""
        form, unit, base, least, offsets, width = _reduce(column)
        self._add(form, unit, base, least, offsets, width)
        return self

    def small(self, column: Bytes) -> Packer:
        """Add a uint8 column."""
        first = int(column[0]) if self._length else 0
        if (column == first).all():
            self._heads.append(_COLUMN.pack(_SMALL, 0, 0, first, 0))
        else:
            self._heads.append(_COLUMN.pack(_SMALL, 1, 0, 0, 0))
            self._planes.append(column.tobytes())
        return self

    def floats(self, bits: Bits) -> Packer:
        """Add a column of float64, given as bits. Every bit comes back, those of NaN too."""
        found = _decimal(bits)
        if found is None:
            return self.bits(bits)
        whole, exponent = found
        form, unit, base, least, offsets, width = _reduce(whole, scaled=False)
        assert unit == 0
        self._add(form | _DECIMAL, exponent, base, least, offsets, width)
        return self

    def bits(self, bits: Bits) -> Packer:
        """Add a column of uint64 without looking for an order in it, save that all may be equal."""
        if self._length and (bits == bits[0]).all():
            self._add(_VALUES, 0, int(bits.view(np.int64)[0]), 0, bits, 0)
        else:
            self._add(_BITS, 0, 0, 0, bits, 8)
        return self

    def done(self) -> bytes:
        """The block."""
        head = _HEAD.pack(self._length, len(self._heads)) + b"".join(self._heads)
        stream = _codecs.compressor.compressobj(size=len(head) + sum(map(len, self._planes)))
        parts = [stream.compress(head)]
        for plane in self._planes:
            parts.append(stream.compress(plane))
            parts.append(stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
        parts.append(stream.flush(zstandard.COMPRESSOBJ_FLUSH_FINISH))
        return b"".join(parts)

    def _add(self, form: int, exponent: int, base: int, least: int, offsets: Bits, width: int) -> None:
        self._heads.append(_COLUMN.pack(form, width, exponent, base, least))
        if width:
            split = np.ascontiguousarray(offsets, "<u8").view(np.uint8).reshape(-1, 8)
            planes = np.ascontiguousarray(split[:, :width].T)
            self._planes.extend(bytes(plane) for plane in planes)


def unpack(block: bytes | memoryview, what: str) -> tuple[Column, ...]:
    """The columns of a block: int64, uint8 or uint64 (bits), as they were added.

    what: names the block in messages. Raises StorageFailed when the bytes are damaged.
    """
    body = decompress(block, what)
    try:
        length, count = _HEAD.unpack_from(body)
        heads = [_COLUMN.unpack_from(body, _HEAD.size + at * _COLUMN.size) for at in range(count)]
    except struct.error as error:
        raise StorageFailed(f"cannot read {what}: its {len(body)} bytes are no block of columns") from error
    at = _HEAD.size + count * _COLUMN.size
    if len(body) != at + length * sum(head[1] for head in heads):
        raise StorageFailed(f"cannot read {what}: its {len(body)} bytes are not what its head promises")
    columns = []
    for form, width, exponent, base, least in heads:
        planes = np.frombuffer(body, np.uint8, length * width, at).reshape(width, length)
        columns.append(_column(form, exponent, base, least, planes, length))
        at += length * width
    return tuple(columns)


def _column(form: int, exponent: int, base: int, least: int, planes: Bytes, length: int) -> Column:
    width = len(planes)
    if form == _SMALL:
        return planes[0] if width else np.full(length, base, np.uint8)
    if width == 0:
        offsets = np.zeros(length, np.int64)
    else:
        split = np.zeros((length, 8), np.uint8) if width < 8 else np.empty((length, 8), np.uint8)
        split[:, :width] = planes.T
        offsets = split.reshape(-1).view(np.int64)
    if form == _BITS:
        return offsets.view(np.uint64)
    is_decimal = bool(form & _DECIMAL)
    if exponent and not is_decimal:
        offsets *= 10**exponent
    if form & _DIFFERENCES:
        offsets += np.int64(least)
        offsets[:1] = base
        numbers = np.cumsum(offsets, dtype=np.int64)
    else:
        numbers = offsets
        numbers += np.int64(base)
    if is_decimal:
        return _quotients(numbers, exponent)
    return numbers


def _reduce(column: Ints, *, scaled: bool = True) -> tuple[int, int, int, int, Bits, int]:
    """Form, exponent of the unit, base, least difference, offsets and their bytes, whichever form is narrower.

    Differences may wrap around; so does the sum that undoes them, and all is exact modulo 2^64.
    """
    if not len(column):
        return _VALUES, 0, 0, 0, column.view(np.uint64), 0
    low, high = int(column.min()), int(column.max())
    width = _bytes_for(high - low)
    if width and len(column) > 1:
        steps = np.diff(column)
        least, most = int(steps.min()), int(steps.max())
        if _bytes_for(most - least) < width:
            offsets = np.empty(len(column), np.int64)
            offsets[0] = 0
            np.subtract(steps, np.int64(least), out=offsets[1:])
            unit, offsets_in_units = _scale(offsets.view(np.uint64), scaled=scaled)
            return (
                _DIFFERENCES,
                unit,
                int(column[0]),
                least,
                offsets_in_units,
                _bytes_for((most - least) // 10**unit),
            )
    unit, offsets_in_units = _scale((column - np.int64(low)).view(np.uint64), scaled=scaled and width > 0)
    return _VALUES, unit, low, 0, offsets_in_units, _bytes_for((high - low) // 10**unit)


def _bytes_for(span: int) -> int:
    return (span.bit_length() + 7) // 8


def _scale(offsets: Bits, *, scaled: bool) -> tuple[int, Bits]:
    """The largest unit (as a power of ten) that all offsets are multiples of, and the offsets in that unit."""
    if scaled:
        for unit in _UNITS:
            if not (offsets[:_SAMPLE] % np.uint64(unit)).any() and not (offsets % np.uint64(unit)).any():
                return len(str(unit)) - 1, offsets // np.uint64(unit)
    return 0, offsets


def _decimal(bits: Bits) -> tuple[Ints, int] | None:
    """Integers m and an exponent e with m / 10^e the very bits of every value; None when there is no such e ≤ 9.

    Division of two exact float64 is correctly rounded, so a value typed or printed with e decimals is such a quotient.
    """
    values = bits.view(np.float64)
    with np.errstate(all="ignore"):
        sample = values[:: max(1, len(values) // _SAMPLE)][:_SAMPLE, None]
        scaled = np.rint(sample * _POWERS)
        fits = ((scaled / _POWERS).view(np.uint64) == sample.view(np.uint64)).all(axis=0)
        fits &= (np.abs(scaled) < _EXACT).all(axis=0)
        if not len(values) or not fits.any():
            return None
        exponent = int(fits.argmax())
        rounded = np.rint(values * _POWERS[exponent])
        if not (np.abs(rounded) < _EXACT).all():
            return None
        whole = rounded.astype(np.int64)  # an integer has no -0: the bits below tell
        return (whole, exponent) if (_quotients(whole, exponent) == bits).all() else None


def _quotients(whole: Ints, exponent: int) -> Bits:
    quotients: Floats = whole.astype(np.float64) / _POWERS[exponent]
    return quotients.view(np.uint64)


def pack_axis(steps: Ints, times_ns: Ints) -> bytes:
    """The block of a chunk's steps and times."""
    return Packer(len(steps)).ints(steps).ints(times_ns).done()


def pack_values(kinds: Bytes, exact: Bits) -> bytes:
    """The block of a chunk's values: their kinds and their exact bits."""
    return _with_values(Packer(len(exact)), kinds, exact).done()


def pack_points(steps: Ints, times_ns: Ints, kinds: Bytes, exact: Bits) -> bytes:
    """The block of whole points, steps in any order."""
    return _with_values(Packer(len(steps)).ints(steps).ints(times_ns), kinds, exact).done()


def _with_values(packer: Packer, kinds: Bytes, exact: Bits) -> Packer:
    packer.small(kinds)
    if len(kinds) and (kinds == kinds[0]).all():
        return packer.floats(exact) if int(kinds[0]) in FLOAT_KINDS else packer.ints(exact.view(np.int64))
    return packer.bits(exact)


def exact_of(column: Column) -> Bits:
    """A column of values as bits, whatever form it was packed in."""
    return column.view(np.uint64)


def to_floats(kinds: Bytes, exact: Bits) -> Floats:
    """Values as float64. kinds, exact: of one shape. Integers beyond 2^53 are rounded to nearest."""
    if kinds.size and int(kinds.flat[0]) in FLOAT_KINDS and (kinds == kinds.flat[0]).all():
        return exact.view(np.float64)
    signed = _IS_SIGNED[kinds]
    unsigned = _IS_UNSIGNED[kinds]
    values = exact.view(np.float64)
    if not signed.any() and not unsigned.any():
        return values
    values = values.copy()
    values[signed] = exact[signed].view(np.int64).astype(np.float64)
    values[unsigned] = exact[unsigned].astype(np.float64)
    return values
