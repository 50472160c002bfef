"""What logging costs the training process: Runlore, its peers, and the floor, on the same rows in the same run.

    python benchmarks/sdk.py [--peers wandb,trackio,tensorboardX,mlflow,mlflow-async | --no-peers] [--json FILE]

Peers run without network in virtual environments of their own, made on first use under ``--cache``. Exits with 1 when
a budget of Runlore is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import resource
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from harness.environments import default_cache, python_of
from harness.live_server import end_processes, environment, recorder_of, running_server, wait_for
from harness.resources import Watch, folder_bytes, tree_of
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

PEERS: Final = ("wandb", "trackio", "tensorboardX", "mlflow", "mlflow-async")
WORKERS: Final = Path(__file__).with_name("peers")
SCALARS: Final = 10
SETTLE_S: Final = 5
"""Seconds that a recorder is given to start before its idle cost is taken."""

QUIET: Final = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "WANDB_ERROR_REPORTING": "false",
}
"""No peer may call its maker during a measurement."""


class Budget(NamedTuple):
    """A line of the budget table. is_upper: the measured value may not exceed the limit (else: not fall below)."""

    name: str
    measured: float
    limit: float
    unit: str
    is_upper: bool = True

    @property
    def is_kept(self) -> bool:
        return self.measured <= self.limit if self.is_upper else self.measured >= self.limit


def _last_json(output: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return found


def surroundings_of(tool: str, home: Path, extra: dict[str, str]) -> dict[str, str]:
    """The environment of a worker: everything it keeps goes under ``home``."""
    work = str(home / "work")
    return environment(
        home,
        {
            **QUIET,
            "TRACKIO_DIR": work,
            **({"WANDB_DIR": work} if tool == "wandb" else {}),  # Runlore would heed it too
            "MLFLOW_BENCHMARK_ASYNC": "1" if tool.endswith("-async") else "0",
            **extra,
        },
    )


def script_of(tool: str) -> str:
    """The worker's program."""
    return str(WORKERS / f"{tool.removesuffix('-async')}_worker.py")


def _is_counted(counter: Path) -> bool:
    return any(counter.read_bytes())


def measure_crash(tool: str, python: Path, home: Path, rounds: int) -> tuple[int, int]:
    """Rows acknowledged and rows of them lost by ``kill -9`` of the trainer at 1,000 rows/s, over all rounds."""
    acknowledged = lost = 0
    for number in range(rounds):
        place = home / str(number)
        work = place / "work"
        work.mkdir(parents=True)
        counter = place / "acknowledged"
        counter.write_bytes(bytes(8))
        surroundings = surroundings_of(tool, place, {})
        words = [str(python), script_of(tool)]
        worker = subprocess.Popen(
            [*words, "crash", str(work), str(counter)],
            env=surroundings,
            cwd=work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(partial(_is_counted, counter), timeout_s=60, what=f"the first row of {tool}")
            time.sleep(1.5 + 0.37 * number)
        finally:
            worker.kill()
            worker.wait()
        time.sleep(1.5)  # a service process of the tool may still write what it has got
        rows = struct.unpack("<Q", counter.read_bytes())[0]
        end_processes(place)
        done = subprocess.run(
            [*words, "count", str(work)], env=surroundings, cwd=work, check=True, capture_output=True, text=True
        )
        acknowledged += rows
        lost += max(rows - _last_json(done.stdout)["rows"], 0)
    return acknowledged, lost


def measure_tool(
    tool: str, python: Path, arguments: list[str], home: Path, extra: dict[str, str] | None = None
) -> dict[str, Any]:
    """Run one worker in an empty folder and return its figures with CPU, memory and disk seen from outside."""
    work = home / "work"
    work.mkdir(parents=True)
    surroundings = surroundings_of(tool, home, extra or {})
    with (home / "worker-errors.txt").open("wb") as errors:
        worker = subprocess.Popen(
            [str(python), script_of(tool), arguments[0], str(work), *arguments[1:]],
            env=surroundings,
            cwd=work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )

        def services() -> list[int]:
            recorder = recorder_of(home) if tool == "runlore" else None
            return [*tree_of(worker.pid)[1:], *([recorder.pid] if recorder is not None else [])]

        groups = {"trainer": lambda: [worker.pid], "service": services}
        begin = time.perf_counter()
        with Watch(groups, every_s=0.1) as watch:
            output, _ = worker.communicate(timeout=1800)
        wall_s = time.perf_counter() - begin
    if worker.returncode:
        raise RuntimeError(f"{tool}: {(home / 'worker-errors.txt').read_text()[-2000:]}")
    found = _last_json(output)
    trainer, service = watch.use("trainer"), watch.use("service")
    found |= {
        "wall_s": wall_s,
        "trainer_cpu_s": trainer.cpu_s,
        "trainer_mb": trainer.peak_mb,
        "service_cpu_s": service.cpu_s,
        "service_mb": service.peak_mb,
    }
    if "rows" in found:
        kept = home / "runs" if tool == "runlore" else work
        found["bytes_a_value"] = folder_bytes(kept) / (found["rows"] * SCALARS)
    return found


def measure_idle(home: Path, extra: dict[str, str], seconds: float) -> dict[str, float]:
    """CPU and memory of trainer and recorder at 1 row/s, once both have started: percent of a core, and 10^6 bytes."""
    work = home / "work"
    work.mkdir(parents=True)
    worker = subprocess.Popen(
        [sys.executable, script_of("runlore"), "idle", str(work), str(seconds + SETTLE_S)],
        env=surroundings_of("runlore", home, extra),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(SETTLE_S)
        recorder = wait_for(lambda: recorder_of(home), timeout_s=20, what="the recorder").pid
        begin = time.perf_counter()
        with Watch({"trainer": lambda: [worker.pid], "recorder": lambda: [recorder]}, every_s=1) as watch:
            time.sleep(seconds - 1)
        passed_s = time.perf_counter() - begin
    finally:
        worker.kill()
        worker.wait()
    found: dict[str, float] = {}
    for name in ("trainer", "recorder"):
        use = watch.use(name)
        found |= {f"{name}_percent": 100 * use.cpu_s / passed_s, f"{name}_mb": use.peak_mb}
    return found


def median_of(repeats: list[dict[str, Any]]) -> dict[str, Any]:
    """Each figure's median over the repeats."""
    return {
        name: value if isinstance(value, str) else statistics.median(repeat[name] for repeat in repeats)
        for name, value in repeats[0].items()
    }


def measure_import(repeats: int) -> float:
    """Milliseconds that ``import runlore`` adds to a bare interpreter: the median of interleaved pairs.

    CPU time, which is what an import is made of once its files are cached, and which a busy machine disturbs less.
    """
    surroundings = environment(Path(tempfile.gettempdir()))
    subprocess.run([sys.executable, "-c", "import runlore"], check=True, env=surroundings)
    extra = []
    for _ in range(repeats):
        taken = []
        for code in ("pass", "import runlore"):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-c", code], check=True, env=surroundings)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        extra.append((taken[1] - taken[0]) * 1e3)
    return statistics.median(extra)


def heavy_imports() -> list[str]:
    """Modules that ``import runlore`` must not bring, and does."""
    code = (
        "import sys, runlore; "
        "print(*sorted({'numpy','urllib3','requests','httpx','http.client','sqlalchemy','litestar'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.split()


def measure_init(home: Path, extra: dict[str, str], repeats: int) -> float:
    """Milliseconds from ``init`` to the end of the first ``log``, median of fresh processes."""
    code = (
        "import time, runlore\n"
        "begin = time.perf_counter()\n"
        "run = runlore.init(project='benchmark-init')\n"
        "run.log({'loss': 1.0})\n"
        "print((time.perf_counter() - begin) * 1e3, flush=True)\n"
        "import os; os._exit(0)\n"
    )
    taken = []
    for _ in range(repeats):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment(home, {**extra, "RUNLORE_SILENT": "true"}),
            check=True,
            capture_output=True,
            text=True,
        )
        taken.append(float(done.stdout.strip().splitlines()[-1]))
    return statistics.median(taken)


@contextlib.contextmanager
def silent_listener() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def closed_port() -> str:
    """An address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def table_of(tools: dict[str, dict[str, Any]]) -> Table:
    """One line a tool."""
    table = Table(title=f"rows of {SCALARS} scalars; in brackets: times the floor of the same run")
    for heading in (
        *("tool", "import s", "init s", "log median µs", "p99 µs", "rows/s", "rows per CPU s", "finish s"),
        *("bytes a value", "trainer CPU s, MB", "service CPU s, MB", "lost by kill -9"),
    ):
        table.add_column(heading, justify="left" if heading == "tool" else "right")
    floor = tools["floor"]
    for name, found in tools.items():
        table.add_row(
            f"{name} {found['version']}",
            f"{found['import_s']:.2f}",
            f"{found['init_s']:.3f}",
            f"{found['median_us']:,.1f} ({found['median_us'] / floor['median_us']:,.1f}×)",
            f"{found['p99_us']:,.0f} ({found['p99_us'] / floor['p99_us']:,.0f}×)",
            f"{found['sustained_rows'] / found['sustained_s']:,.0f}",
            f"{found['sustained_rows'] / max(found['sustained_cpu_s'], 0.01):,.0f}",
            f"{found['finish_s']:.2f}",
            f"{found['bytes_a_value']:.1f}",
            f"{found['trainer_cpu_s']:.1f}, {found['trainer_mb']:.0f}",
            f"{found['service_cpu_s']:.1f}, {found['service_mb']:.0f}" if found["service_mb"] else "-",
            f"{found['crash_lost']:,} of {found['crash_rows']:,}" if "crash_rows" in found else "",
        )
    return table


def ratios_of(tools: dict[str, dict[str, Any]]) -> Table:
    """How many times the cost of Runlore each peer takes."""
    table = Table(title="peers ÷ runlore (above 1: runlore is cheaper)")
    for heading in ("peer", "import", "init", "log median", "p99", "bytes a value"):
        table.add_column(heading, justify="left" if heading == "peer" else "right")
    ours = tools["runlore"]
    for name, found in tools.items():
        if name in {"floor", "runlore"}:
            continue
        table.add_row(
            name,
            *(
                f"{found[figure] / ours[figure]:,.1f}×"
                for figure in ("import_s", "init_s", "median_us", "p99_us", "bytes_a_value")
            ),
        )
    return table


def budgets_table(budgets: list[Budget]) -> Table:
    table = Table(title="budgets")
    for heading in ("what", "measured", "budget", ""):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for budget in budgets:
        sign = "≤" if budget.is_upper else "≥"
        verdict = "[green]kept[/]" if budget.is_kept else "[red]missed[/]"
        table.add_row(
            budget.name, f"{budget.measured:,.1f} {budget.unit}", f"{sign} {budget.limit:,g} {budget.unit}", verdict
        )
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=",".join(PEERS), help="which peers, separated by commas")
    parser.add_argument("--no-peers", action="store_true", help="Runlore and the floor only")
    parser.add_argument("--rows", type=int, default=10_000, help="rows whose log call is timed (default 10,000)")
    parser.add_argument("--sustained-rows", type=int, default=300_000, help="rows of the rate measurement")
    parser.add_argument("--limit-s", type=float, default=20, help="longest time of either of them for a slow peer")
    parser.add_argument("--repeats", type=int, default=3, help="runs of Runlore and the floor; the median counts")
    parser.add_argument("--crash-rounds", type=int, default=3, help="kill -9 of each tool so many times")
    parser.add_argument("--idle-s", type=float, default=20, help="seconds of logging at 1 row/s")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="folder of the peers' environments")
    parser.add_argument("--json", type=Path, help="also write every figure here")
    chosen = parser.parse_args()
    peers = [] if chosen.no_peers else [name for name in chosen.peers.split(",") if name]
    if unknown := set(peers) - set(PEERS):
        parser.error(f"unknown peers {sorted(unknown)}; there are {', '.join(PEERS)}")
    console = Console(width=None if sys.stdout.isatty() else 200)
    speed = ["speed", str(chosen.rows), str(chosen.sustained_rows), str(chosen.limit_s)]
    here = Path(sys.executable)
    tools: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="runlore-sdk-") as folder:
        top = Path(folder)

        def fresh(name: str, number: int = 0) -> Path:
            return top / f"{name}-{number}"

        with console.status("measuring the floor and runlore"):
            floors: list[dict[str, Any]] = []
            ours: list[dict[str, Any]] = []
            served: list[dict[str, Any]] = []
            with running_server(top / "served") as server:
                door = {"RUNLORE_BASE_URL": server.url, "RUNLORE_API_KEY": server.api_key}
                for number in range(chosen.repeats):
                    floors.append(measure_tool("floor", here, speed, fresh("floor", number)))
                    for name, extra, into in (("local", {}, ours), ("live", door, served)):
                        home = fresh(name, number)
                        try:
                            into.append(measure_tool("runlore", here, speed, home, extra))
                        finally:
                            end_processes(home)
                home = fresh("idle")
                try:
                    idle = measure_idle(home, door, chosen.idle_s)
                finally:
                    end_processes(home)
                inits = {}
                with silent_listener() as silent:
                    for name, extra in (
                        ("no server", {}),
                        ("live server", door),
                        ("server down", {"RUNLORE_BASE_URL": closed_port(), "RUNLORE_API_KEY": "rl-" + "x" * 48}),
                        ("server silent", {"RUNLORE_BASE_URL": silent, "RUNLORE_API_KEY": "rl-" + "x" * 48}),
                    ):
                        home = fresh(f"init-{name}")
                        try:
                            inits[name] = measure_init(home, extra, 5)
                        finally:
                            end_processes(home)
            tools["floor"] = median_of(floors)
            tools["runlore"] = median_of(ours)
            tools["runlore, live"] = median_of(served)
            import_ms = measure_import(9)
            for tool in ("floor", "runlore"):
                rows, lost = measure_crash(tool, here, top / f"crash-{tool}", chosen.crash_rounds)
                tools[tool] |= {"crash_rows": rows, "crash_lost": lost}
        for peer in peers:
            with console.status(f"measuring {peer}"):
                try:
                    python = python_of(peer.removesuffix("-async"), chosen.cache)
                    tools[peer] = measure_tool(peer, python, speed, fresh(peer))
                    rows, lost = measure_crash(peer, python, top / f"crash-{peer}", chosen.crash_rounds)
                    tools[peer] |= {"crash_rows": rows, "crash_lost": lost}
                except (subprocess.CalledProcessError, RuntimeError) as error:
                    reason = error.stderr if isinstance(error, subprocess.CalledProcessError) else error
                    console.print(f"[red]{peer} could not be measured:[/] {str(reason).strip()[-1000:]}")
                finally:
                    end_processes(fresh(peer))
    local, live = tools["runlore"], tools["runlore, live"]
    budgets = [
        Budget("import runlore, CPU beyond bare Python", import_ms, 80, "ms"),
        Budget(f"heavy modules at import {' '.join(heavy_imports())}", len(heavy_imports()), 0, ""),
        *(Budget(f"init to first log, {name}", taken, 50, "ms") for name, taken in inits.items()),
        Budget("acknowledged rows lost by kill -9", local["crash_lost"], 0, "rows"),
        Budget("log median, no server", local["median_us"], 5, "µs"),
        Budget("log p99, no server", local["p99_us"], 50, "µs"),
        Budget("log median, live server", live["median_us"], 5, "µs"),
        Budget("log p99, live server", live["p99_us"], 50, "µs"),
        Budget(
            "sustained, no server", local["sustained_rows"] / local["sustained_s"], 150_000, "rows/s", is_upper=False
        ),
        Budget("recorder memory at 1 row/s", idle["recorder_mb"], 40, "MB"),
        Budget("recorder memory at full speed", live["service_mb"], 40, "MB"),
        Budget("recorder CPU at 1 row/s", idle["recorder_percent"], 1, "% of a core"),
    ]
    console.print(
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; "
        f"{chosen.rows:,} timed rows, up to {chosen.sustained_rows:,} sustained, {chosen.limit_s:g} s at most each",
        highlight=False,
    )
    for table in (table_of(tools), ratios_of(tools), budgets_table(budgets)):
        console.print(table)
    console.print(
        f"trainer at 1 row/s: {idle['trainer_percent']:.1f} % of a core, {idle['trainer_mb']:.0f} MB",
        highlight=False,
    )
    if chosen.json is not None:
        chosen.json.write_text(
            json.dumps(
                {
                    "cores": os.cpu_count(),
                    "python": platform.python_version(),
                    "tools": tools,
                    "idle": idle,
                    "init_ms": inits,
                    "budgets": [{**budget._asdict(), "kept": budget.is_kept} for budget in budgets],
                },
                indent=1,
            )
        )
    return 0 if all(budget.is_kept for budget in budgets) else 1


if __name__ == "__main__":
    sys.exit(main())
