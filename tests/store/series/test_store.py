"""What the SQL backend keeps in its tables, beyond the answers that the contract test compares."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sqlalchemy import event, func, select, update

from runlore.errors import StorageFailed, StorageFull
from runlore.store.base import Block, Cut, ObjectPoint
from runlore.store.database import SqlDatabase
from runlore.store.series import fold, schema, swap
from runlore.store.series.store import SqlSeriesStore
from runlore.store.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Opened:
    """A database with the tables of the series."""

    def __init__(self, folder: Path) -> None:
        self.database = SqlDatabase(f"sqlite:///{folder / 'runlore.db'}")
        with self.database.write() as tx:
            tables = [table for table in metadata.sorted_tables if table.name in vars(schema)]
            metadata.create_all(tx.connection, tables=tables)
        self.store = SqlSeriesStore(self.database)

    def append(self, steps: Any, *names: str, segment: int = 1, noise: int = 0) -> None:
        steps = np.asarray(steps, np.int64)
        values = np.random.default_rng(noise).standard_normal(len(steps))
        with self.database.write() as tx:
            self.store.append(tx, [Block(segment, "history", steps, steps * 1000, dict.fromkeys(names, values))], [])

    def rows(self, query: Any) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(query).all())

    def count(self, table: Any) -> int:
        return int(self.rows(select(func.count()).select_from(table))[0][0])

    def used_blocks(self) -> dict[int, int]:
        """How often each block is named by the other tables."""
        found: dict[int, int] = {}
        columns = (
            schema.metric_chunk.c.axis,
            schema.metric_chunk.c.block,
            schema.metric_level.c.block,
            schema.metric_superseded.c.block,
        )
        for column in columns:
            for (block,) in self.rows(select(column).where(column.is_not(None))):
                found[block] = found.get(block, 0) + 1
        return found


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    made = Opened(tmp_path)
    yield made
    made.database.close()


def test_chunks_are_bounded_and_never_share_a_block_of_steps(opened: Opened) -> None:
    rng = np.random.default_rng(5)
    for at in range(8):
        opened.append(rng.permutation(np.arange(at * 4500, at * 4500 + 6000)) * (1 + at % 2), "a", "b", noise=at)
        opened.store.fold(force=True)
    chunk = schema.metric_chunk.c
    rows = opened.rows(select(chunk.key, chunk.s0, chunk.s1, chunk.points).order_by(chunk.key, chunk.s0))
    assert max(row.points for row in rows) <= 16_384
    for one, other in pairwise(rows):
        if one.key == other.key:
            assert one.s1 >> 14 < other.s0 >> 14


def test_metrics_logged_together_share_their_axis(opened: Opened) -> None:
    for at in range(3):
        opened.append(range(at * 9000, at * 9000 + 9000), "a", "b", "c", noise=at)
        opened.store.fold(force=True)
    rows = opened.rows(select(schema.metric_chunk))
    assert len({row.axis for row in rows}) * 3 == len(rows)
    assert {block: refs for block, refs in opened.used_blocks().items() if refs > 1} == dict.fromkeys(
        {row.axis for row in rows}, 3
    )


def test_no_block_is_left_behind_and_none_is_missing(opened: Opened) -> None:
    rng = np.random.default_rng(9)
    for at in range(6):
        opened.append(rng.integers(0, 30_000, 5000), "a", "b", noise=at)
        opened.append(rng.integers(0, 30_000, 500), "b", noise=at)
        opened.store.fold(force=True)
        stored = {row.id: row.refs for row in opened.rows(select(schema.metric_block.c.id, schema.metric_block.c.refs))}
        assert stored == opened.used_blocks()
        levels = {(row.key, row.level, row.s0) for row in opened.rows(select(schema.metric_level))}
        chunks = opened.rows(select(schema.metric_chunk))
        assert levels == {(row.key, level, row.s0) for row in chunks for level in range(20) if row.levels >> level & 1}


def test_a_short_tail_is_left_alone_unless_forced(opened: Opened) -> None:
    opened.append(range(100), "a")
    assert opened.store.fold() == 0
    assert opened.store.fold(force=True) == 100
    assert opened.count(schema.metric_tail) == 0
    assert opened.store.fold(force=True) == 0


@pytest.mark.parametrize(("batches", "rows"), [(1, fold.FOLD_ROWS), (fold.FOLD_BATCHES, 1)])
def test_a_tail_of_many_rows_or_batches_is_folded(opened: Opened, batches: int, rows: int) -> None:
    for at in range(batches):
        opened.append(range(at * rows, at * rows + rows), "a")
    assert opened.store.fold() == batches * rows


def test_fold_stops_after_about_so_many_rows_and_goes_on_later(opened: Opened) -> None:
    for at in range(10):
        opened.append(range(at * 100, at * 100 + 100), "a")
    assert opened.store.fold(limit_rows=250, force=True) == 300
    assert opened.count(schema.metric_tail) == 7
    assert opened.store.fold(force=True) == 700
    assert opened.store.points([Cut(1)], "a").steps.tolist() == list(range(1000))


def test_fold_touches_only_the_segments_it_is_told(opened: Opened) -> None:
    opened.append([1], "a", segment=1)
    opened.append([1], "a", segment=2)
    assert opened.store.fold(only=[2], force=True) == 1
    assert [row.segment for row in opened.rows(select(schema.metric_tail.c.segment))] == [1]


def test_a_fold_that_loses_a_race_writes_nothing(opened: Opened) -> None:
    opened.append(range(10), "a")
    source = opened.store._source
    with opened.database.read() as connection:
        (counters,) = fold.long_enough(connection, only=None, force=True)
        plan = fold.prepare(connection, source, counters, end=counters.next_batch, limit_rows=None)
    with opened.database.write() as tx:
        opened.store.delete(tx, [1])
    with opened.database.write() as tx:
        assert not swap.commit(tx, plan)
    assert opened.count(schema.metric_block) == 0
    assert opened.store.metrics([Cut(1)]) == []


def test_a_fold_that_is_interrupted_changes_nothing(opened: Opened) -> None:
    opened.append(range(10), "a")
    before = opened.store.points([Cut(1)], "a")

    def interrupt(*_: Any) -> None:
        raise InterruptedError

    event.listen(opened.database.engine, "commit", interrupt)
    with pytest.raises(InterruptedError):
        opened.store.fold(force=True)
    event.remove(opened.database.engine, "commit", interrupt)
    assert opened.count(schema.metric_chunk) == 0
    assert opened.store.points([Cut(1)], "a").exact.tobytes() == before.exact.tobytes()
    assert opened.store.fold(force=True) == 10


def test_the_number_of_statements_does_not_grow_with_rows_or_metrics(opened: Opened) -> None:
    statements: list[str] = []
    event.listen(opened.database.engine, "before_cursor_execute", lambda *seen: statements.append(seen[2]))

    def cost(segment: int, rows: int, metrics: int) -> list[int]:
        names = [f"m{at}" for at in range(metrics)]
        found = []
        for first in (0, 10_000):
            statements.clear()
            opened.append(range(first, first + rows), *names, segment=segment)
            found.append(len(statements))
            statements.clear()
            opened.store.fold(force=True)
            found.append(len(statements))
        return found

    cost(1, 1, 40)  # the names get their numbers
    assert cost(2, 2000, 2) == cost(3, 6000, 40)


def test_deleting_frees_every_row_but_the_counters(opened: Opened) -> None:
    opened.append([*range(3000), 5], "a")
    opened.store.fold(force=True)
    opened.append([7], "a")
    with opened.database.write() as tx:
        opened.store.append(tx, [], [ObjectPoint(1, 0, 0, "t", b"1")])
        opened.store.delete(tx, [1])
    for table in (
        schema.metric_tail,
        schema.metric_block,
        schema.metric_chunk,
        schema.metric_level,
        schema.metric_superseded,
        schema.history_object,
    ):
        assert opened.count(table) == 0, table.name
    (counters,) = opened.rows(select(schema.segment_tail))
    assert (counters.rows, counters.size_bytes) == (0, 0)


def test_the_counters_tell_the_tail(opened: Opened) -> None:
    for at in range(5):
        opened.append(range(at * 10, at * 10 + 10), "a", "b")
    opened.store.fold(limit_rows=20, force=True)
    (counters,) = opened.rows(select(schema.segment_tail))
    (size,) = opened.rows(select(func.sum(func.length(schema.metric_tail.c.data))))[0]
    assert (counters.rows, counters.size_bytes) == (30, size)
    assert counters.next_batch - counters.first_batch == 3


def test_damage_in_the_file_is_an_error_and_never_a_value(opened: Opened) -> None:
    opened.append(range(50), "a")
    opened.store.fold(force=True)
    with opened.database.write() as tx:
        block = schema.metric_block
        data = tx.connection.execute(select(block.c.data).order_by(block.c.id.desc())).scalars().first()
        assert data is not None
        flipped = data[:-20] + bytes([data[-20] ^ 8]) + data[-19:]
        tx.connection.execute(update(block).values(data=flipped))
    with pytest.raises(StorageFailed, match="damaged"):
        opened.store.points([Cut(1)], "a")
    with opened.database.write() as tx:
        tx.connection.execute(block.delete())
    with pytest.raises(StorageFailed, match="missing"):
        opened.store.points([Cut(1)], "a")


def test_a_full_disk_loses_nothing_that_was_committed(opened: Opened) -> None:
    opened.append(range(5000), "a")

    def limit(connection: Any) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")

    event.listen(opened.database.engine, "begin", limit)
    with pytest.raises(StorageFull):
        opened.append(range(5000, 50_000), "a")
    event.remove(opened.database.engine, "begin", limit)
    assert len(opened.store.points([Cut(1)], "a").steps) == 5000


def test_another_store_on_the_same_file_sees_the_same(opened: Opened) -> None:
    other = SqlSeriesStore(opened.database)
    opened.append([0, 1], "a")
    assert other.points([Cut(1)], "a").steps.tolist() == [0, 1]
    opened.store.fold(force=True)
    opened.append([1, 2], "a", noise=1)
    assert other.fold(force=True) == 2
    assert opened.store.points([Cut(1)], "a").steps.tolist() == [0, 1, 2]


WRITER = textwrap.dedent(
    """
    import sys
    import numpy as np
    from runlore.store.base import Block
    from runlore.store.database import SqlDatabase
    from runlore.store.series.store import SqlSeriesStore

    database = SqlDatabase(sys.argv[1])
    store = SqlSeriesStore(database)
    for batch in range(10**6):
        steps = np.arange(batch * 20, batch * 20 + 20)
        with database.write() as tx:
            store.append(tx, [Block(1, "history", steps, steps, {"a": steps * 0.5, "b": steps})], [])
        print(batch, flush=True)
        if batch % 5 == 4:
            store.fold(force=True)
    """
)


@pytest.mark.parametrize("after", [7, 23])
def test_a_killed_server_keeps_all_that_it_acknowledged(opened: Opened, tmp_path: Path, after: int) -> None:
    url = f"sqlite:///{tmp_path / 'runlore.db'}"
    with subprocess.Popen([sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        acknowledged = [int(writer.stdout.readline()) for _ in range(after)][-1]
        writer.send_signal(signal.SIGKILL)
        acknowledged = max([acknowledged, *map(int, writer.stdout.read().split("\n")[:-1])])
        writer.wait()
    for name in ("a", "b"):
        found = opened.store.points([Cut(1)], name, repeats="all")
        assert len(found.steps) >= (acknowledged + 1) * 20
        assert found.steps.tolist() == list(range(len(found.steps)))
    stored = {row.id: row.refs for row in opened.rows(select(schema.metric_block.c.id, schema.metric_block.c.refs))}
    assert stored == opened.used_blocks()


def test_one_outlying_point_among_millions_is_in_every_chart_that_contains_it(opened: Opened) -> None:
    points, piece = 4_000_000, 500_000
    spikes = {2_515_463: 1e9, 3_999_999: -1e9}
    for first in range(0, points, piece):
        steps = np.arange(first, first + piece)
        values = np.random.default_rng(first).standard_normal(piece)
        for at, outlier in spikes.items():
            if first <= at < first + piece:
                values[at - first] = outlier
        with opened.database.write() as tx:
            opened.store.append(tx, [Block(1, "history", steps, steps * 1000, {"a": values})], [])
        opened.store.fold(force=True)
    missed = []
    for bits in range(points.bit_length()):
        for at, outlier in spikes.items():
            for before in (0, 1, 256, 999):
                lo = ((at >> bits) - before) << bits
                (found,) = opened.store.buckets([[Cut(1)]], "a", lo=lo, width=1 << bits, count=1000)
                shown = found.bucket[(found.high == outlier) | (found.low == outlier)].tolist()
                if shown != [before]:
                    missed.append((at, bits, lo, shown))
    assert missed == []
