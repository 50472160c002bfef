"""One query of ``series.py`` in a process of its own: the first answer, then the next ones.

    python series_worker.py ENGINE FOLDER QUERY [REPEATS]

QUERY: ``Query`` as JSON. Prints one line of JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.series_data import Query

if TYPE_CHECKING:
    from collections.abc import Callable


def runlore_of(folder: Path, query: Query) -> Callable[[], dict[str, float]]:
    from runlore.store.base import Cut
    from runlore.store.database import SqlDatabase
    from runlore.store.series.store import SqlSeriesStore

    store = SqlSeriesStore(SqlDatabase(f"sqlite:///{folder / 'runlore.db'}"))
    runs = [[Cut(run + 1)] for run in range(query.runs)]

    def ask() -> dict[str, float]:
        if not query.width:
            found = [store.points(runs[0], "m0")]
            return {"points": len(found[0].steps), "high": float(found[0].values.max())}
        answers = [
            answer
            for metric in range(query.metrics)
            for answer in store.buckets(runs, f"m{metric}", lo=query.lo, width=query.width, count=query.count)
        ]
        return {
            "points": sum(int(answer.points.sum()) for answer in answers),
            "high": max(float(answer.high.max()) for answer in answers),
        }

    return ask


def duckdb_of(folder: Path, query: Query) -> Callable[[], dict[str, float]]:
    import duckdb

    connection = duckdb.connect(str(folder / "points.duckdb"), read_only=True)
    bits = query.width.bit_length() - 1
    columns = ", ".join(f"min(m{at}) l{at}, max(m{at}) h{at}, avg(m{at}) a{at}" for at in range(query.metrics))
    chart = (
        f"SELECT run, step >> {bits} b, count(*) points, {columns} FROM points WHERE run < {query.runs} "
        f"AND step >= {query.lo} AND step < {query.lo + query.width * query.count} GROUP BY run, b ORDER BY run, b"
    )

    def ask() -> dict[str, float]:
        if not query.width:
            rows = connection.execute("SELECT step, time_ns, m0 FROM points WHERE run = 0 ORDER BY step").fetchnumpy()
            return {"points": len(rows["step"]), "high": float(rows["m0"].max())}
        rows = connection.execute(chart).fetchnumpy()
        return {
            "points": int(rows["points"].sum()) * query.metrics,
            "high": max(float(rows[f"h{at}"].max()) for at in range(query.metrics)),
        }

    return ask


def main() -> None:
    engine, folder, asked, *rest = sys.argv[1:]
    ask = {"runlore": runlore_of, "duckdb": duckdb_of}[engine](Path(folder), Query(**json.loads(asked)))
    walls, cpus, answers = [], [], []
    for _ in range(1 + int(rest[0] if rest else 5)):
        wall, cpu = time.perf_counter(), time.process_time()
        answers.append(ask())
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    if any(answer != answers[0] for answer in answers):
        raise RuntimeError(f"{engine} answered {answers} to one question")
    found: dict[str, Any] = {
        "cold_s": walls[0],
        "cold_cpu_s": cpus[0],
        "warm_s": statistics.median(walls[1:]),
        "warm_cpu_s": statistics.median(cpus[1:]),
    }
    print(json.dumps(found | answers[0]))


if __name__ == "__main__":
    main()
