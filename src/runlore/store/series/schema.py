"""The tables of the series store. ``docs/design/series.md`` explains what stands in them and why it stays exact."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, SmallInteger, Table, Text, UniqueConstraint

from runlore.store.tables import metadata

STREAM_CODES: Final = {"history": 0, "system": 1}
"""How a stream is written in ``metric_key.stream``. Codes are never reused."""

metric_key: Final = Table(
    "metric_key",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("stream", SmallInteger, nullable=False),
    Column("name", Text, nullable=False),
    UniqueConstraint("stream", "name"),
)
"""Names of metrics, shared by all runs."""

segment_tail: Final = Table(
    "segment_tail",
    metadata,
    Column("segment", BigInteger, primary_key=True, autoincrement=False),
    Column("first_batch", BigInteger, nullable=False),
    Column("next_batch", BigInteger, nullable=False),
    Column("next_object", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("folds", BigInteger, nullable=False),
)
"""Counters of a segment: its tail is the batches [first_batch, next_batch), of so many rows and compressed bytes.

``folds`` counts the changes of its chunks. The row outlives the segment, so that no batch number is ever used twice.
"""

metric_tail: Final = Table(
    "metric_tail",
    metadata,
    Column("segment", BigInteger, primary_key=True, autoincrement=False),
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)
"""Accepted rows that are not folded yet, as they came, one row of the table for each ``append`` and segment."""

metric_block: Final = Table(
    "metric_block",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("segment", BigInteger, nullable=False),
    Column("refs", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index(None, "segment"),
)
"""Compressed columns (``codec.py``). A block is written once and never changed; an axis is shared by ``refs`` chunks."""

block_counter: Final = Table(
    "block_counter",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("next_block", BigInteger, nullable=False),
)
"""One row, id 1: the next block's id. Ids are never used twice, which is what lets readers cache blocks by id."""

metric_chunk: Final = Table(
    "metric_chunk",
    metadata,
    Column("segment", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Integer, primary_key=True, autoincrement=False),
    Column("s0", BigInteger, primary_key=True, autoincrement=False),
    Column("s1", BigInteger, nullable=False),
    Column("points", Integer, nullable=False),
    Column("axis", BigInteger, nullable=False),
    Column("block", BigInteger, nullable=False),
    Column("levels", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Directory of chunks: steps s0 to s1 of a metric, newest arrivals only. ``axis`` is the block of its steps and times,
``block`` that of its values, ``levels`` has bit L set when level L is kept.
"""

metric_level: Final = Table(
    "metric_level",
    metadata,
    Column("segment", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Integer, primary_key=True, autoincrement=False),
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("s0", BigInteger, primary_key=True, autoincrement=False),
    Column("block", BigInteger),
    Column("data", LargeBinary),
    sqlite_with_rowid=False,
)
"""Roll-ups of the chunk (segment, key, s0): records in ``data`` when they are few, else a compressed block."""

metric_superseded: Final = Table(
    "metric_superseded",
    metadata,
    Column("segment", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Integer, primary_key=True, autoincrement=False),
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("points", Integer, nullable=False),
    Column("block", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Points that a later arrival at the same step replaced, by the last batch whose fold moved them here."""

history_object: Final = Table(
    "history_object",
    metadata,
    Column("segment", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Integer, primary_key=True, autoincrement=False),
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    Column("arrival", BigInteger, primary_key=True, autoincrement=False),
    Column("time_ns", BigInteger, nullable=False),
    Column("json", LargeBinary, nullable=False),
)
"""Values that are no plain numbers, every arrival of them."""
