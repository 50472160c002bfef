"""The demonstration: a server of its own, several trainings of ``digits.py``, and the address to watch them at."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import psutil
import typer

from runlore.errors import RunloreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CONFIGURATIONS: Final = (
    {"learning-rate": 0.003, "hidden": 64},
    {"learning-rate": 0.0003, "hidden": 64},
    {"learning-rate": 0.03, "hidden": 32},
    {"learning-rate": 0.001, "hidden": 128},
    {"learning-rate": 0.1, "hidden": 64, "optimizer": "sgd"},
    {"learning-rate": 0.003, "hidden": 8, "weight-decay": 0.01},
)
"""What the runs differ in: good choices, a learning rate too small, one too large, too few neurons."""

SERVER_START_S: Final = 60.0
GOODBYE_S: Final = 10.0


class Options(NamedTuple):
    """data: folder to keep, None for a temporary one. port: 0 for any. jobs: trainings at a time."""

    data: Path | None
    port: int
    is_once: bool
    is_opened: bool
    epochs: int
    runs: int
    jobs: int


def show(options: Options) -> None:
    """Run the demonstration until Ctrl-C, or until the trainings are done.

    Raises UsageError when scikit-learn is missing, RunloreError when the server does not start or a training fails.
    """
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _leave)
    if importlib.util.find_spec("sklearn") is None:
        raise UsageError("cannot run the demo: scikit-learn is missing; install it with: pip install 'runlore[demo]'")
    with _home(options.data) as home, _ended(home), _server(home, options.port) as link:
        typer.echo(f"Watch it at {link}")
        typer.echo("(the link logs this browser in; it works once and for fifteen minutes)\n")
        if options.is_opened and not webbrowser.open(link):
            typer.echo("No browser could be opened here: use the link.")
        with contextlib.suppress(KeyboardInterrupt):
            _train(home, options)
            if options.is_once:
                return
            typer.echo("\nThe trainings are done. The server keeps running; Ctrl-C stops it.")
            _wait_for_interrupt()
        typer.echo(
            "\nStopped."
            + (f" To see it again: RUNLORE_DIR={options.data} runlore server" if options.data is not None else "")
        )


def _leave(number: int, _frame: object) -> None:
    """End in order when asked to terminate, so that nothing started here is left behind."""
    sys.exit(128 + number)


@contextlib.contextmanager
def _home(data: Path | None) -> Iterator[Path]:
    """The data folder of everything here: its own server, journals and recorder."""
    if data is not None:
        data.mkdir(parents=True, exist_ok=True)
        yield data.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="runlore-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _ended(home: Path) -> Iterator[None]:
    """End the recorder of ``home`` when the block ends; by then every training has ended and been uploaded."""
    try:
        yield
    finally:
        for note in home.glob("recorder-*.json"):
            with contextlib.suppress(psutil.Error, FileNotFoundError, ValueError, KeyError):
                process = psutil.Process(json.loads(note.read_bytes())["pid"])
                if "runlore.recorder" in process.cmdline():
                    process.terminate()
                    _wait_until_gone(process)


def _wait_until_gone(process: psutil.Process) -> None:
    """Wait for the end of a process that is no child of ours; who its parent is, and when that reaps it, does not matter."""
    end = time.monotonic() + GOODBYE_S
    while time.monotonic() < end and process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.05)


def _environment(home: Path) -> dict[str, str]:
    """The environment of this process without the user's own settings of Runlore.

    Each training computes on one core: its matrices are small, and several trainings share the machine.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RUNLORE_", "WANDB_"))}
    return {**kept, "RUNLORE_DIR": str(home), "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}


def _start(arguments: Sequence[str], home: Path, output: Path) -> subprocess.Popen[bytes]:
    """A Python process of ours, in a session of its own: Ctrl-C reaches this process only, which then ends it in order."""
    with output.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env=_environment(home),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _stop(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(GOODBYE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def _server(home: Path, port: int) -> Iterator[str]:
    """The server while the block lasts; gives the one-time link to it."""
    log = home / "server.log"
    log.unlink(missing_ok=True)
    process = _start(["runlore.cli", "server", "--port", str(port or _free_port())], home, log)
    try:
        yield _link(process, log)
    finally:
        _stop(process, signal.SIGTERM)


def _link(process: subprocess.Popen[bytes], log: Path) -> str:
    """The one-time link that the server prints when it is ready."""
    end = time.monotonic() + SERVER_START_S
    while time.monotonic() < end:
        words = log.read_text().split()
        link = next((word for word in words if "#link=" in word), None)
        if link is not None:
            return link
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RunloreError(f"cannot run the demo: its server did not start; it said:\n{log.read_text().strip()}")


def _train(home: Path, options: Options) -> None:
    """Train all configurations, ``jobs`` at a time."""
    waiting = [CONFIGURATIONS[number % len(CONFIGURATIONS)] for number in range(options.runs)]
    group = time.strftime("%Y-%m-%d %H:%M:%S")
    running: dict[subprocess.Popen[bytes], int] = {}
    started = 0
    try:
        while waiting or running:
            while waiting and len(running) < options.jobs:
                config = waiting.pop(0)
                started += 1
                arguments = [f"--{name}={value}" for name, value in config.items()]
                arguments += [f"--epochs={options.epochs}", f"--seed={started}", f"--group={group}"]
                process = _start(["runlore.demo.digits", *arguments], home, home / f"training-{started}.log")
                running[process] = started
                chosen = ", ".join(f"{name} {value}" for name, value in config.items())
                typer.echo(f"training {started} of {options.runs}: {chosen}")
            time.sleep(0.1)
            for process in [process for process in running if process.poll() is not None]:
                number = running.pop(process)
                if process.returncode:
                    output = (home / f"training-{number}.log").read_text()
                    raise RunloreError(
                        f"training {number} of the demo failed with code {process.returncode}:\n{output}"
                    )
                typer.echo(f"training {number} is done: {_last_line(home / f'training-{number}.log', 'epoch')}")
    finally:
        for process in running:
            _stop(process, signal.SIGINT)


def _last_line(log: Path, beginning: str) -> str:
    lines = [line for line in log.read_text().splitlines() if line.startswith(beginning)]
    return " ".join(lines[-1].split()) if lines else "no epoch"


def _wait_for_interrupt() -> None:
    while True:
        time.sleep(3600)
