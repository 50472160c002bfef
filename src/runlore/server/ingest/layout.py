"""Layouts of packed rows: many rows of one schema as numpy columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from runlore.protocol.frames import HEAD_SIZE
from runlore.protocol.records import MAX_NAME_BYTES
from runlore.protocol.wire import row_struct

if TYPE_CHECKING:
    import struct
    from collections.abc import Sequence

    from runlore.store.base import SchemaRow

_DTYPES: Final = {"d": "<f8", "f": "<f4", "e": "<f2", "q": "<i8", "Q": "<u8", "?": "?"}


class Layout:
    """How rows of one schema of one journal lie in its bytes.

    kept: the names that are stored, each once; over-long ones are not. refused: those that are not, by decision of the ingest (too
    many metrics in the run). is_known: whether the run's metric names are stored.
    Raises ValueError when the schema is none: another number of names than types, or an unknown type.
    """

    def __init__(self, schema: SchemaRow) -> None:
        if len(schema.names) != len(schema.types):
            raise ValueError(f"schema {schema.id} has {len(schema.names)} names and {len(schema.types)} types")
        self.schema = schema
        self.packed: struct.Struct = row_struct(schema.types)
        self.names = frozenset(schema.names)
        self.too_long = frozenset(name for name in self.names if len(name.encode()) > MAX_NAME_BYTES)
        self.refused: frozenset[str] = frozenset()
        self.is_known = False
        self._frame_size = HEAD_SIZE + self.packed.size
        self._dtype = np.dtype(
            [
                ("head", f"V{HEAD_SIZE}"),
                ("schema", "<u4"),
                ("step", "<i8"),
                ("time", "<i8"),
                *((f"v{index}", _DTYPES[letter]) for index, letter in enumerate(schema.types)),
            ]
        )
        self._plain = set(schema.types) == {"d"}

    def read(
        self, buffer: memoryview, starts: Sequence[int]
    ) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], dict[str, np.ndarray[Any, Any]]]:
        """Steps, times and columns of the rows whose frames begin at ``starts`` (ascending), all of shape (n,)."""
        count, size = len(starts), self._frame_size
        if starts[-1] - starts[0] == (count - 1) * size:
            rows = np.frombuffer(buffer, dtype=self._dtype, count=count, offset=starts[0])
        else:
            window = np.frombuffer(buffer, dtype=np.uint8)
            places = np.asarray(starts, dtype=np.int64)[:, None] + np.arange(size)
            rows = window[places].view(self._dtype).reshape(count)
        steps = np.ascontiguousarray(rows["step"]).astype(np.int64, copy=False)
        times = np.ascontiguousarray(rows["time"]).astype(np.int64, copy=False)
        names = self.schema.names
        if self._plain and count > 1:
            values = np.ndarray((count, len(names)), dtype="<f8", buffer=rows, offset=HEAD_SIZE + 20, strides=(size, 8))
            matrix = np.ascontiguousarray(values.T)
            columns = dict(zip(names, matrix, strict=True))
        else:
            columns = {name: np.ascontiguousarray(rows[f"v{index}"]) for index, name in enumerate(names)}
        for name in self.too_long | self.refused:
            del columns[name]
        return steps, times, columns

    def last_values(self, buffer: memoryview, start: int) -> dict[str, Any]:
        """The values of the row whose frame begins at ``start``, as Python numbers."""
        values = self.packed.unpack_from(buffer, start + HEAD_SIZE)[3:]
        found = dict(zip(self.schema.names, values, strict=True))
        for name in self.too_long | self.refused:
            del found[name]
        return found
