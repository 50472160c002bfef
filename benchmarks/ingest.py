"""From journal to queryable: how fast one server takes rows in, what it costs, and what stays on disk.

    python benchmarks/ingest.py [--values 8000000] [--runs 1,200] [--json FILE]

A real server, real journals, real HTTP. Rates stand beside a calibration loop over the same bytes (CRC-32 and one
numpy copy) in the same run, so that figures of different machines can be compared.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import zstandard
from harness.live_server import RUNLORE, Server, end_processes, environment, running_server, wait_for
from harness.resources import Watch, folder_bytes
from rich.console import Console
from rich.table import Table

from runlore.protocol import frames, ids, records, wire
from runlore.recorder.shipment import SMALL_RANGE_BYTES
from runlore.recorder.tail import RANGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

METRICS: Final = 10


class Journal(NamedTuple):
    """A finished journal in memory, and where ranges may end."""

    run_id: str
    writer: str
    rows: int
    data: bytes
    row_bytes: int
    first_row: int


KINDS: Final = {
    "noise, every bit of float64": lambda noise, trend: trend + noise,
    "losses: float64 of float32": lambda noise, trend: (trend + noise).astype(np.float32).astype(float),
    "rounded to 4 digits": lambda noise, trend: np.round(trend + noise, 4),
    "whole numbers": lambda noise, trend: np.round(1000 * (trend + noise)),
}
"""What the values on disk are measured with; the first one is also what is posted. Noise of size 0.05 about a trend."""


def make_journal(project: str, rows: int, seed: int, kind: str = next(iter(KINDS))) -> Journal:
    """A run of noisy rows with a slow trend, as losses have, and an exit."""
    random = np.random.default_rng(seed)
    trend = np.exp(-np.linspace(0, 3, rows))[:, None] * np.linspace(1, 2, METRICS)
    values = KINDS[kind](random.normal(0, 0.05, (rows, METRICS)), trend)
    run_id, writer = ids.new_run_id(), ids.new_writer()
    begin_ns = time.time_ns()
    head = b"".join(
        [
            frames.MAGIC,
            wire.encode(records.Header(run_id=run_id, project=project, writer=writer, time_ns=begin_ns)),
            wire.encode(records.Schema(id=0, names=[f"metric_{name}" for name in range(METRICS)], types="d" * METRICS)),
        ]
    )
    packed = [
        wire.encode_row("d" * METRICS, 0, step, begin_ns + step * 1_000_000, tuple(row))
        for step, row in enumerate(values.tolist())
    ]
    end = wire.encode(records.Exit(time_ns=begin_ns + rows * 1_000_000, state="finished", exit_code=0))
    return Journal(run_id, writer, rows, b"".join([head, *packed, end]), len(packed[0]), len(head))


def ranges_of(journal: Journal, size: int) -> Iterator[tuple[int, bytes]]:
    """The journal's byte ranges of about ``size``, each ending at a frame's end."""
    step = max(size // journal.row_bytes, 1) * journal.row_bytes
    at = 0
    while at < len(journal.data):
        end = min(journal.first_row + step if at == 0 else at + step, len(journal.data))
        if end + journal.row_bytes > len(journal.data):
            end = len(journal.data)
        yield at, journal.data[at:end]
        at = end


def post(server: Server, writer: str, offset: int, data: bytes) -> None:
    """Send one range as a recorder does; returns when it is durable."""
    answer = server.ask(
        "POST",
        f"/journals/{writer}?offset={offset}",
        body=zstandard.ZstdCompressor(level=1).compress(data),
        headers={
            "Content-Type": "application/octet-stream",
            "Content-Encoding": "zstd",
            "X-Runlore-Checksum": f"{zlib.crc32(data):08x}",
        },
    )
    stored = json.loads(answer)["offset"]
    if stored < offset + len(data):
        raise RuntimeError(f"the server took journal {writer} only up to {stored}, sent up to {offset + len(data)}")


def calibrate(journals: list[Journal]) -> float:
    """Seconds of CRC-32 and one numpy copy over the same bytes."""
    begin = time.perf_counter()
    for journal in journals:
        zlib.crc32(journal.data)
        np.frombuffer(journal.data, np.uint8).copy()
    return time.perf_counter() - begin


def idle_moment(server: Server, *, timeout_s: float) -> None:
    """Return when the server has used less than 3 % of a core for two seconds (its background work is done)."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        with Watch({"server": server.pids}) as watch:
            time.sleep(2)
        if watch.use("server").cpu_s < 0.06:
            return


def used_bytes(data: Path) -> int:
    """Bytes of a stopped server's folder, without the pages of its database that are free for later rows."""
    free = 0
    for path in data.glob("*.sqlite"):
        with contextlib.closing(sqlite3.connect(path)) as database:
            pages = database.execute("pragma freelist_count").fetchone()[0]
            free += pages * database.execute("pragma page_size").fetchone()[0]
    return folder_bytes(data) - free


def measure_posts(top: Path, runs: int, values: int, clients: int) -> dict[str, Any]:
    """Post the journals of so many runs at once and ask for their points."""
    project = f"ingest-{runs}"
    rows = max(values // METRICS // runs, 1)
    journals = [make_journal(project, rows, seed) for seed in range(runs)]
    total_bytes = sum(len(journal.data) for journal in journals)
    points = runs * rows * METRICS
    calibration_s = min(calibrate(journals) for _ in range(3))
    size = RANGE_BYTES if runs == 1 else SMALL_RANGE_BYTES
    home = top / project
    with running_server(home) as server:
        idle_moment(server, timeout_s=10)
        with Watch({"server": server.pids}) as rest:
            time.sleep(0.2)

        def send(batch: list[Journal]) -> None:
            # Round by round, so that all runs of a client are open at the same time.
            sources = [(journal.writer, ranges_of(journal, size)) for journal in batch]
            while sources:
                left = []
                for writer, source in sources:
                    for offset, data in islice(source, 1):
                        post(server, writer, offset, data)
                        left.append((writer, source))
                sources = left

        with Watch({"server": server.pids}) as watch:
            begin = time.perf_counter()
            with ThreadPoolExecutor(clients) as pool:
                for done in [pool.submit(send, journals[number::clients]) for number in range(min(clients, runs))]:
                    done.result()
            stored_s = time.perf_counter() - begin
            for journal in journals[:: max(runs // 20, 1)]:
                meta, _ = server.series(project, journal.run_id, "metric_3")
                if meta["lines"][0]["points"] != rows:
                    raise RuntimeError(f"run {journal.run_id} shows {meta['lines'][0]['points']} of {rows} points")
            queryable_s = time.perf_counter() - begin
        use = watch.use("server")
        with Watch({"server": server.pids}) as after:
            idle_moment(server, timeout_s=120)
        code = server.stop()
        disk = used_bytes(server.data)
    return {
        "runs": runs,
        "clients": min(clients, runs),
        "points": points,
        "journal_bytes": total_bytes,
        "stored_s": stored_s,
        "queryable_s": queryable_s,
        "values_per_s": points / queryable_s,
        "server_cpu_s": use.cpu_s,
        "fold_cpu_s": after.use("server").cpu_s,
        "idle_mb": rest.use("server").peak_mb,
        "peak_mb": max(use.peak_mb, after.use("server").peak_mb),
        "disk_bytes": disk,
        "bytes_a_point": disk / points,
        "calibration_s": calibration_s,
        "times_calibration": use.cpu_s / calibration_s,
        "exit_code": code,
    }


def measure_disk(top: Path, values: int) -> dict[str, float]:
    """Bytes a point of one run of each kind of values, after the fold, roll-ups and all else included."""
    found = {}
    for number, kind in enumerate(KINDS):
        journal = make_journal("disk", values // METRICS, 1, kind)
        with running_server(top / f"disk-{number}") as server:
            empty = used_bytes(server.data)
            for offset, data in ranges_of(journal, RANGE_BYTES):
                post(server, journal.writer, offset, data)
            idle_moment(server, timeout_s=120)
            server.stop()
            found[kind] = (used_bytes(server.data) - empty) / (journal.rows * METRICS)
    return found


def measure_recorder(top: Path, values: int) -> dict[str, Any]:
    """An offline run, then ``runlore sync``: how fast the recorder's own code ships, server included."""
    home = top / "recorder"
    rows = values // METRICS
    code = (
        "import runlore, sys\n"
        "run = runlore.init(project='ingest-sync', mode='offline')\n"
        f"rows = [{{f'metric_{{m}}': (i * 31 + m) % 1000 / 7 for m in range({METRICS})}} for i in range(1000)]\n"
        f"for i in range({rows}): run.log(rows[i % 1000])\n"
        "run.finish()\n"
        "print(run.id)\n"
    )
    with running_server(home) as server:
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment(home), check=True, capture_output=True, text=True
        )
        run_id = done.stdout.strip().splitlines()[-1]
        begin = time.perf_counter()
        with (home / "sync.txt").open("wb") as output:
            sync = subprocess.Popen([*RUNLORE, "sync", "--all"], env=environment(home), stdout=output, stderr=output)
            with Watch({"sync": lambda: [sync.pid], "server": server.pids}) as watch:
                while sync.poll() is None:
                    time.sleep(0.02)
        synced_s = time.perf_counter() - begin
        if sync.returncode:
            raise RuntimeError(f"sync ended with {sync.returncode}: {(home / 'sync.txt').read_text()[-2000:]}")
        detail = wait_for(lambda: server.run("ingest-sync", run_id), timeout_s=10, what="the synchronised run")
        if detail.run.rows != rows:
            raise RuntimeError(f"the server has {detail.run.rows} of {rows} rows")
    return {
        "points": rows * METRICS,
        "seconds": synced_s,
        "values_per_s": rows * METRICS / synced_s,
        "recorder_cpu_s": watch.use("sync").cpu_s,
        "recorder_mb": watch.use("sync").peak_mb,
        "server_cpu_s": watch.use("server").cpu_s,
    }


def measure_latency(top: Path, points: int) -> dict[str, Any]:
    """Seconds from the return of ``log`` to an answer of ``/series`` that holds the point, in a live run."""
    home = top / "latency"
    code = (
        "import runlore, sys, time\n"
        "with runlore.init(project='latency') as run:\n"
        "    print(run.id, flush=True)\n"
        f"    for i in range({points}):\n"
        "        time.sleep(0.2 + (i * 37 % 100) / 500)\n"
        "        run.log({'logged_at': time.time()})\n"
        "    time.sleep(1.5)\n"
    )
    with running_server(home) as server:
        trainer = subprocess.Popen(
            [sys.executable, "-c", code],
            env=environment(home, {"RUNLORE_SILENT": "true"}),
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert trainer.stdout is not None
            run_id = ""
            while not ids_like(run_id):
                run_id = trainer.stdout.readline().strip()
            wait_for(lambda: server.run("latency", run_id), timeout_s=20, what="the live run")
            waits: list[float] = []
            while len(waits) < points and trainer.poll() is None:
                meta, arrays = server.series("latency", run_id, "logged_at")
                now = time.time()
                seen = arrays["0.y"] if meta["lines"] else np.empty(0)
                waits.extend(now - logged for logged in seen[len(waits) :].tolist())
                time.sleep(0.02)
        finally:
            trainer.kill()
            trainer.wait()
            end_processes(home)
    # The first point also waits for the recorder's start and the run's creation.
    rest = sorted(waits[1:])
    if not rest:
        raise RuntimeError("no point of the live run was ever seen")
    return {
        "points": len(waits),
        "first_s": waits[0],
        "median_s": rest[len(rest) // 2],
        "p95_s": rest[int(len(rest) * 0.95)],
        "worst_s": rest[-1],
    }


def ids_like(text: str) -> bool:
    """Whether the line is a generated run id (other output of the trainer is not)."""
    return len(text) == ids.RUN_ID_LENGTH and set(text) <= set(ids.RUN_ID_ALPHABET)


def report(console: Console, found: dict[str, Any]) -> None:
    table = Table(title="journals to queryable points, parallel HTTP posts")
    for heading in (
        *("runs", "clients", "points", "values/s", "server CPU s", "× calibration", "fold CPU s"),
        *("server MB idle / peak", "bytes a point"),
    ):
        table.add_column(heading, justify="right")
    for row in found["posts"]:
        table.add_row(
            f"{row['runs']}",
            f"{row['clients']}",
            f"{row['points']:,}",
            f"{row['values_per_s']:,.0f}",
            f"{row['server_cpu_s']:.2f}",
            f"{row['times_calibration']:.0f}",
            f"{row['fold_cpu_s']:.2f}",
            f"{row['idle_mb']:.0f} / {row['peak_mb']:.0f}",
            f"{row['bytes_a_point']:.2f}",
        )
    console.print(table)
    for kind, size in found["disk"].items():
        console.print(f"bytes a point, {kind}: {size:.2f}", highlight=False)
    if (sync := found.get("recorder")) is not None:
        console.print(
            f"runlore sync: {sync['points']:,} values in {sync['seconds']:.2f} s = {sync['values_per_s']:,.0f} values/s, "
            f"{sync['recorder_cpu_s']:.2f} s CPU, {sync['recorder_mb']:.0f} MB; server {sync['server_cpu_s']:.2f} s CPU",
            highlight=False,
        )
    if (latency := found.get("latency")) is not None:
        console.print(
            f"log to /series answer: median {latency['median_s']:.2f} s, 95 % {latency['p95_s']:.2f} s, worst "
            f"{latency['worst_s']:.2f} s over {latency['points']} points; first point {latency['first_s']:.2f} s",
            highlight=False,
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--values", type=int, default=8_000_000, help="values a measurement (default 8,000,000)")
    parser.add_argument("--runs", default="1,200", help="numbers of concurrent runs, separated by commas")
    parser.add_argument("--clients", type=int, default=8, help="HTTP clients at most (default 8)")
    parser.add_argument("--latency-points", type=int, default=30, help="points of the latency measurement; 0: none")
    parser.add_argument("--no-sync", action="store_true", help="leave the recorder's measurement out")
    parser.add_argument("--json", type=Path, help="also write every figure here")
    chosen = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 160)
    found: dict[str, Any] = {"cores": os.cpu_count(), "python": platform.python_version(), "posts": []}
    with tempfile.TemporaryDirectory(prefix="runlore-ingest-") as folder:
        top = Path(folder)
        for runs in chosen.runs.split(","):
            with console.status(f"{runs} concurrent runs"):
                found["posts"].append(measure_posts(top, int(runs), chosen.values, chosen.clients))
        with console.status("bytes on disk"):
            found["disk"] = measure_disk(top, min(chosen.values, 2_000_000))
        if not chosen.no_sync:
            with console.status("runlore sync"):
                found["recorder"] = measure_recorder(top, chosen.values)
        if chosen.latency_points:
            with console.status("latency of a live run"):
                found["latency"] = measure_latency(top, chosen.latency_points)
    console.print(
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; "
        f"{METRICS} metrics a row",
        highlight=False,
    )
    report(console, found)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
