"""Histories of points for ``series.py``: made from their parameters alone, stored once, kept between runs."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROWS_A_PIECE: Final = 262_144
"""Rows that are made and appended at once."""

START_NS: Final = 1_700_000_000_000_000_000


class Shape(NamedTuple):
    """Runs by steps by metrics. spike: the step of run 0 at which the first metric is 1e9, or -1 for none."""

    runs: int
    steps: int
    metrics: int
    spike: int = -1

    @property
    def points(self) -> int:
        return self.runs * self.steps * self.metrics

    @property
    def name(self) -> str:
        return f"{self.runs}x{self.steps}x{self.metrics}" + (f"-spike{self.spike}" if self.spike >= 0 else "")


class Piece(NamedTuple):
    """Consecutive rows of a run. steps, times_ns: shape (n,). values: shape (metrics, n), float64."""

    run: int
    steps: np.ndarray
    times_ns: np.ndarray
    values: np.ndarray


def pieces(shape: Shape) -> Iterator[Piece]:
    """All rows, run by run: noisy curves that fall, about 20 rows a second, the same for the same shape."""
    for run in range(shape.runs):
        for begin in range(0, shape.steps, ROWS_A_PIECE):
            steps = np.arange(begin, min(begin + ROWS_A_PIECE, shape.steps), dtype=np.int64)
            noise = np.random.default_rng((run, begin))
            times_ns = START_NS + steps * 50_000_000 + noise.integers(0, 5_000_000, len(steps))
            trend = 2.0 / np.log(steps + 3.0)
            values = trend + 0.05 * noise.standard_normal((shape.metrics, len(steps)))
            if run == 0 and begin <= shape.spike < begin + len(steps):
                values[0, shape.spike - begin] = 1e9
            yield Piece(run, steps, times_ns, values)


def kept(folder: Path, make: Callable[[Path], None]) -> Path:
    """The folder, made by ``make`` unless it is complete already."""
    done = folder / "complete"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make(folder)
        done.touch()
    return folder


def store_runlore(folder: Path, shape: Shape) -> None:
    """Append the rows through the store and fold them. Segment ``run + 1`` is the whole history of a run."""
    from runlore.store.base import Block
    from runlore.store.database import SqlDatabase
    from runlore.store.series import schema
    from runlore.store.series.store import SqlSeriesStore
    from runlore.store.tables import metadata

    database = SqlDatabase(f"sqlite:///{folder / 'runlore.db'}")
    try:
        with database.write() as tx:
            tables = [table for table in metadata.sorted_tables if table.name in vars(schema)]
            metadata.create_all(tx.connection, tables=tables)
        store = SqlSeriesStore(database)
        for piece in pieces(shape):
            columns = {f"m{at}": values for at, values in enumerate(piece.values)}
            with database.write() as tx:
                store.append(tx, [Block(piece.run + 1, "history", piece.steps, piece.times_ns, columns)], [])
            store.fold(only=[piece.run + 1], force=True)
    finally:
        database.close()


def store_duckdb(folder: Path, shape: Shape) -> None:
    """The same rows as one table, run by run in order of step: run, step, time_ns, m0, m1, …"""
    import duckdb

    connection = duckdb.connect(str(folder / "points.duckdb"))
    columns = "".join(f", m{at} DOUBLE" for at in range(shape.metrics))
    connection.execute(f"CREATE TABLE points (run INTEGER, step BIGINT, time_ns BIGINT{columns})")
    for piece in pieces(shape):
        rows = {"run": np.full(len(piece.steps), piece.run, np.int32), "step": piece.steps, "time_ns": piece.times_ns}
        rows |= {f"m{at}": values for at, values in enumerate(piece.values)}
        connection.register("rows", rows)
        connection.execute("INSERT INTO points SELECT * FROM rows")
        connection.unregister("rows")
    connection.close()


class Query(NamedTuple):
    """A chart of the first ``runs`` runs: ``metrics`` panels on the grid of ``Buckets``; all points of run 0 without width."""

    runs: int
    metrics: int = 1
    lo: int = 0
    width: int = 0
    count: int = 0


def chart_of(runs: int, steps: int, metrics: int = 1, *, first: int = 0) -> Query:
    """The chart of ``steps`` steps from ``first``: the least power of two that makes at most 1,024 buckets."""
    width = 1 << max(-(-steps // 1024) - 1, 0).bit_length()
    lo = first // width * width
    return Query(runs, metrics, lo, width, -(-(first + steps - lo) // width))


def main() -> None:
    """Make the data of one engine: ``series_data.py ENGINE FOLDER RUNS STEPS METRICS SPIKE``."""
    engine, folder, *numbers = sys.argv[1:]
    store = {"runlore": store_runlore, "duckdb": store_duckdb}[engine]
    shape = Shape(*map(int, numbers))
    kept(Path(folder), lambda empty: store(empty, shape))


if __name__ == "__main__":
    main()
