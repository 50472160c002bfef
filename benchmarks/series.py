"""What a chart costs: queries over many points, beside DuckDB on the same rows and the floor, cold and warm.

    python benchmarks/series.py [--no-peers] [--spike-points 100000000] [--json FILE]

The rows are made once under ``--cache`` and kept for the next run. Cold is a fresh process whose files were put out of
the page cache; warm is the median of the answers after it. Exits with 1 when a budget is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from harness import series_data
from harness.environments import default_cache, python_of
from harness.resources import folder_bytes
from harness.series_data import Query, Shape, chart_of
from rich.console import Console
from rich.table import Table

WORKER: Final = Path(__file__).parent / "peers" / "series_worker.py"


class Question(NamedTuple):
    """A query on one set of rows. warm_ms, cold_ms: budgets, None without one. points: how many lie in its range."""

    name: str
    shape: Shape
    query: Query
    warm_ms: float | None = None
    cold_ms: float | None = None

    @property
    def points(self) -> int:
        if not self.query.width:
            return self.shape.steps
        steps = min(self.query.lo + self.query.width * self.query.count, self.shape.steps) - self.query.lo
        return self.query.runs * self.query.metrics * steps


class Engines:
    """Where the rows of each engine are, and the interpreters that answer from them."""

    def __init__(self, cache: Path, console: Console, *, peers: bool) -> None:
        self._cache = cache
        self._console = console
        self.pythons = {"runlore": Path(sys.executable)}
        if peers:
            self.pythons["duckdb"] = python_of("duckdb", cache)

    def folder(self, engine: str, shape: Shape) -> Path:
        """The rows of a shape, made on first use."""
        folder = self._cache / "series" / f"{engine}-{shape.name}"
        if not (folder / "complete").exists():
            begin = time.perf_counter()
            with self._console.status(f"storing {shape.points:,} points in {engine}"):
                _run([str(self.pythons[engine]), series_data.__file__, engine, str(folder), *map(str, shape)])
            taken = time.perf_counter() - begin
            self._console.print(
                f"{engine}: stored {shape.points:,} points in {taken:.0f} s, {shape.points / taken / 1e6:.1f} M a second"
            )
        return folder

    def ask(self, engine: str, shape: Shape, query: Query, repeats: int) -> dict[str, Any]:
        """Figures of one query in a fresh process, its files out of the page cache."""
        folder = self.folder(engine, shape)
        for path in folder.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        output = _run(
            [str(self.pythons[engine]), str(WORKER), engine, str(folder), json.dumps(query._asdict()), str(repeats)]
        )
        found: dict[str, Any] = json.loads(output.splitlines()[-1])
        return found


def _run(words: list[str]) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words[:3])}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def read_speed() -> float:
    """Bytes a second at which one core adds up float64 numbers in memory: the best of several passes."""
    numbers = np.ones(32 << 20)
    taken = []
    for _ in range(5):
        begin = time.perf_counter()
        numbers.sum()
        taken.append(time.perf_counter() - begin)
    return float(numbers.nbytes / min(taken))


def times_of(found: dict[str, Any], name: str) -> str:
    return f"{found[f'{name}_s'] * 1e3:,.1f} / {found[f'{name}_cpu_s'] * 1e3:,.1f}"


def hunt_spike(engines: Engines, points: int) -> int:
    """Look for one outlying point at every width and from several starts; returns how many charts showed it.

    Raises RuntimeError when a chart that contains it does not show it in one bucket, and that one alone.
    """
    from runlore.store.base import Cut
    from runlore.store.database import SqlDatabase
    from runlore.store.series.store import SqlSeriesStore

    spike = points * 61 // 97
    shape = Shape(1, points, 1, spike)
    database = SqlDatabase(f"sqlite:///{engines.folder('runlore', shape) / 'runlore.db'}")
    store = SqlSeriesStore(database)
    charts = 0
    for bits in range(points.bit_length()):
        width = 1 << bits
        for before in (0, 1, 255, 256, 700, 999):
            lo = (spike // width - before) * width
            (found,) = store.buckets([[Cut(1)]], "m0", lo=lo, width=width, count=1_000)
            shown = found.bucket[found.high == 1e9].tolist()
            if shown != [before]:
                raise RuntimeError(f"a spike at step {spike} is shown in buckets {shown} of {width} steps from {lo}")
            charts += 1
    database.close()
    return charts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", type=int, nargs=2, default=(100, 1_000_000), metavar=("RUNS", "STEPS"))
    parser.add_argument("--wide", type=int, nargs=3, default=(1_000, 10_000, 4), metavar=("RUNS", "STEPS", "METRICS"))
    parser.add_argument("--panels", type=int, nargs=3, default=(10, 100_000, 20), metavar=("RUNS", "STEPS", "METRICS"))
    parser.add_argument("--no-peers", action="store_true", help="Runlore and the floor only")
    parser.add_argument("--no-doubling", action="store_true", help="leave out the table of growth")
    parser.add_argument("--spike-points", type=int, default=0, help="also hunt one outlying point among so many")
    parser.add_argument("--repeats", type=int, default=7, help="warm answers to each query; the median counts")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="folder of rows and peers' environments")
    parser.add_argument("--json", type=Path, help="also write every figure here")
    chosen = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    engines = Engines(chosen.cache, console, peers=not chosen.no_peers)
    long, wide, panels = Shape(*chosen.long, 1), Shape(*chosen.wide), Shape(*chosen.panels)
    questions = [
        Question(f"{long.runs:,} runs × {long.steps:,} steps", long, chart_of(long.runs, long.steps), 100, 500),
        Question("2 % zoom of them", long, chart_of(long.runs, long.steps // 50, first=long.steps // 2), 100, 500),
        Question(f"{wide.runs:,} runs × {wide.steps:,} steps", wide, chart_of(wide.runs, wide.steps)),
        Question(
            f"{panels.metrics} panels × {panels.runs} runs × {panels.steps:,} steps",
            panels,
            chart_of(panels.runs, panels.steps, panels.metrics),
            300,
        ),
        Question(f"all {long.steps:,} points of a run", long, Query(1)),
    ]
    speed = read_speed()
    table = Table(title="wall / CPU ms; floor: the values in range, read at memory speed")
    for heading in (
        *("query", "buckets", "points", "floor ms", "runlore cold", "duckdb cold", "runlore warm", "duckdb warm"),
        *("duckdb ÷ runlore, cold", "warm", "warm ÷ floor", "budget cold", "warm"),
    ):
        table.add_column(heading, justify="left" if heading == "query" else "right")
    figures = []
    is_kept = True
    for question in questions:
        found = {
            engine: engines.ask(engine, question.shape, question.query, chosen.repeats) for engine in engines.pythons
        }
        ours, peer = found["runlore"], found.get("duckdb")
        if ours["points"] != question.points or (
            peer is not None and (peer["points"], peer["high"]) != (ours["points"], ours["high"])
        ):
            raise RuntimeError(f"{question.name}: {question.points:,} points lie there; the answers are {found}")
        floor_s = question.points * 8 / speed
        budgets = []
        for name, limit in (("cold", question.cold_ms), ("warm", question.warm_ms)):
            kept = limit is None or ours[f"{name}_s"] * 1e3 <= limit
            is_kept &= kept
            budgets.append("" if limit is None else f"≤ {limit:g} [{'green]kept' if kept else 'red]missed'}[/]")
        table.add_row(
            question.name,
            f"{question.query.count or '-'}",
            f"{question.points:,}",
            f"{floor_s * 1e3:.1f}",
            times_of(ours, "cold"),
            times_of(peer, "cold") if peer else "-",
            times_of(ours, "warm"),
            times_of(peer, "warm") if peer else "-",
            *(f"{peer[f'{name}_s'] / ours[f'{name}_s']:,.1f}×" if peer else "-" for name in ("cold", "warm")),
            f"{ours['warm_s'] / floor_s:,.2f}×",
            *budgets,
        )
        figures.append({"query": question.name, "points": question.points, "floor_s": floor_s, **found})
    console.print(
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; "
        f"memory is read at {speed / 1e9:.1f} GB a second"
    )
    console.print(table)
    for shape in (long, wide, panels):
        sizes = ", ".join(
            f"{engine} {folder_bytes(engines.folder(engine, shape)) / shape.points:.2f}" for engine in engines.pythons
        )
        console.print(f"bytes a point, {shape.name}: {sizes}")
    if not chosen.no_doubling:
        growth = Table(title="growth: runlore, wall / CPU ms")
        for heading in ("doubled", "to", "cold", "warm"):
            growth.add_column(heading, justify="left" if heading == "doubled" else "right")
        parts = (8, 4, 2, 1)
        doubled = [
            *(("runs", long.runs // part, long, chart_of(long.runs // part, long.steps)) for part in parts),
            *(("steps", long.steps // part, long, chart_of(long.runs, long.steps // part)) for part in parts),
            *(
                ("panels", panels.metrics // part, panels, chart_of(panels.runs, panels.steps, panels.metrics // part))
                for part in parts
            ),
        ]
        for what, size, shape, query in doubled:
            ours = engines.ask("runlore", shape, query, chosen.repeats)
            growth.add_row(what, f"{size:,}", times_of(ours, "cold"), times_of(ours, "warm"))
            figures.append({"doubled": what, "to": size, "runlore": ours})
        console.print(growth)
    if chosen.spike_points:
        charts = hunt_spike(engines, chosen.spike_points)
        console.print(f"one outlying point among {chosen.spike_points:,} was shown in all {charts} charts that have it")
    if chosen.json is not None:
        chosen.json.write_text(json.dumps({"memory_bytes_a_second": speed, "figures": figures}, indent=1))
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
