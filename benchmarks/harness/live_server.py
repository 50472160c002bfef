"""A real ``runlore server`` process with a small client, for benchmarks and journeys.

Everything lives under one home folder, which is the ``RUNLORE_DIR`` of every process started from here, so that a
person's own data is never touched and every process can be found and ended by its home.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec
import numpy as np
import psutil
import urllib3

from runlore.protocol import columns, messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

Found = TypeVar("Found")

RUNLORE = (sys.executable, "-c", "from runlore.cli import app; app()")
"""The command line, whatever is on PATH."""

DTYPES = {"f8": "<f8", "i8": "<i8", "u4": "<u4", "u1": "u1"}


class NotYet(Exception):
    """What was waited for did not come in time."""


def wait_for(look: Callable[[], Found | None], *, timeout_s: float, what: str, every_s: float = 0.05) -> Found:
    """The first result of ``look`` that is neither None nor False.

    Raises NotYet, with ``what``, when there is none within ``timeout_s``.
    """
    end = time.monotonic() + timeout_s
    while True:
        found = look()
        if found is not None and found is not False:
            return found
        if time.monotonic() > end:
            raise NotYet(f"waited {timeout_s:g} s for {what}")
        time.sleep(every_s)


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a process whose data folder is ``home``, free of the caller's own settings."""
    # Bytecode is cached, as in every installation.
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RUNLORE_", "WANDB_")) and name != "PYTHONDONTWRITEBYTECODE"
    }
    return {**kept, "RUNLORE_DIR": str(home), "PYTHONUNBUFFERED": "1", **(extra or {})}


def processes_of(home: Path) -> list[psutil.Process]:
    """Every living process, this one excepted, whose ``RUNLORE_DIR`` is ``home``."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get("RUNLORE_DIR") == str(home):
                found.append(process)
    return found


def is_running(process: psutil.Process) -> bool:
    """Whether the process still runs. One that is dead and that nobody has asked about yet (a zombie) does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def kill_all(processes: Iterable[psutil.Process]) -> None:
    """``kill -9`` of these processes; returns once none of them runs."""
    victims = list(processes)
    for victim in victims:
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.kill()
    wait_for(lambda: not any(map(is_running, victims)), timeout_s=10, what="killed processes to die", every_s=0.005)


def end_processes(home: Path) -> None:
    """End every process of ``home`` and wait until it is gone. They were all started by the caller or its children."""
    kill_all(processes_of(home))


def recorder_of(home: Path) -> psutil.Process | None:
    """The living recorder of ``home``, if one wrote its pid down and lives."""
    for note in home.glob("recorder-*.json"):
        try:
            process = psutil.Process(json.loads(note.read_bytes())["pid"])
            if is_running(process) and "runlore.recorder" in process.cmdline():
                return process
        except (OSError, ValueError, KeyError, psutil.Error):
            continue
    return None


class Rows(NamedTuple):
    """A run's exact history. columns: key → shape (n,), NaN where absent; present: the same with booleans."""

    steps: np.ndarray[Any, np.dtype[np.int64]]
    timestamps: np.ndarray[Any, np.dtype[np.float64]]
    columns: dict[str, np.ndarray[Any, Any]]
    present: dict[str, np.ndarray[Any, Any]]
    objects: dict[tuple[int, str], Any]


class Server:
    """A server process on its own port and data folder. Start it, kill it, start it again: the port stays."""

    def __init__(self, home: Path, *, data: Path | None = None, port: int | None = None) -> None:
        self.home = home
        self.data = data or home / "server"
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.api_key = ""
        self.pool = urllib3.PoolManager(maxsize=32, retries=False, timeout=urllib3.Timeout(connect=2, read=60))
        self.log = home / "server-output.txt"

    def start(self, *, timeout_s: float = 60) -> None:
        """Start the process and return once it answers and its key is known."""
        self.home.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [
                    *RUNLORE,
                    "server",
                    *("--host", "127.0.0.1", "--port", str(self.port), "--data", str(self.data)),
                ],
                env=environment(self.home),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_for(self._is_up, timeout_s=timeout_s, what=f"the server at {self.url}; its output is in {self.log}")

    def _is_up(self) -> bool:
        assert self.process is not None
        if (code := self.process.poll()) is not None:
            raise RuntimeError(f"the server ended with {code}:\n{self.log.read_text()[-2000:]}")
        try:
            if self.pool.request("GET", f"{self.url}/api/v1/health").status != 200:
                return False
            note = json.loads((self.home / "server.json").read_bytes())
        except (urllib3.exceptions.HTTPError, OSError, ValueError):
            return False
        if note.get("pid") not in self.pids():
            return False
        self.api_key = note["api_key"]
        return True

    def pids(self) -> list[int]:
        """The server's process and its children."""
        if self.process is None:
            return []
        try:
            main = psutil.Process(self.process.pid)
            return [main.pid, *(child.pid for child in main.children(recursive=True))]
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> None:
        """``kill -9`` of the server, children included, as the kernel's memory guard or a power switch would."""
        assert self.process is not None
        victims = []
        for pid in self.pids():
            with contextlib.suppress(psutil.NoSuchProcess):
                victims.append(psutil.Process(pid))
        kill_all(victims)
        self.process.wait()

    def stop(self) -> int:
        """Ask the server to end and return its exit code; kills it after 20 s."""
        if self.process is None or self.process.poll() is not None:
            return 0 if self.process is None else self.process.returncode
        self.process.terminate()
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()
            return -9

    def ask(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """The answer's body. Raises LookupError for 404, RuntimeError for any other refusal."""
        answer = self.pool.request(
            method,
            f"{self.url}/api/v1{path}",
            body=body,
            headers={
                "Authorization": f"Bearer {self.api_key}",
                **({"Content-Type": "application/json"} if body is not None else {}),
                **(headers or {}),
            },
        )
        if answer.status == 404:
            raise LookupError(path)
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path} answered {answer.status}: {answer.data[:500]!r}")
        return answer.data

    def run(self, project: str, run_id: str) -> messages.RunDetail | None:
        """The run with its details, or None while the server does not know it."""
        try:
            answer = self.ask("GET", f"/runs/~/{quote(project, safe='')}/{quote(run_id, safe='')}")
        except LookupError:
            return None
        return msgspec.json.decode(answer, type=messages.RunDetail)

    def runs(self, project: str) -> list[messages.Run]:
        """All runs of a project, [] while the server does not know it."""
        try:
            answer = self.ask("GET", f"/projects/~/{quote(project, safe='')}/runs?limit=1000")
        except LookupError:
            return []
        return msgspec.json.decode(answer, type=messages.Runs).runs

    def console(self, project: str, run_id: str) -> list[messages.ConsoleLine]:
        """The run's console output, at most 10,000 lines."""
        path = f"/runs/~/{quote(project, safe='')}/{quote(run_id, safe='')}/console?offset=0&limit=10000"
        return msgspec.json.decode(self.ask("GET", path), type=messages.ConsolePage).lines

    def history(self, project: str, run_id: str, keys: list[str]) -> Rows:
        """Every exact row of the run that has any of the keys."""
        query = "&".join(f"keys={quote(key, safe='')}" for key in keys)
        frame = self.ask("GET", f"/runs/~/{quote(project, safe='')}/{quote(run_id, safe='')}/history?{query}")
        found, meta = columns.decode(frame)
        arrays = {name: np.frombuffer(data, DTYPES[kind]) for name, (kind, data) in found.items()}
        return Rows(
            arrays["_step"],
            arrays["_timestamp"],
            {key: arrays[key] for key in keys if key in arrays},
            {key: arrays[f"{key}:present"].astype(bool) for key in keys if key in arrays},
            {(row, key): value for row, key, value in meta.get("objects", [])},
        )

    def series(self, project: str, run_id: str, metric: str) -> tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]:
        """The ``meta`` and the columns of one line, raw up to 20,000 points."""
        request = messages.SeriesRequest(
            runs=[messages.RunPath(entity="", project=project, id=run_id)], metrics=[metric], raw_limit=20_000
        )
        found, meta = columns.decode(self.ask("POST", "/series", body=msgspec.json.encode(request)))
        return meta, {name: np.frombuffer(data, DTYPES[kind]) for name, (kind, data) in found.items()}

    def wait_run(
        self, project: str, run_id: str, is_right: Callable[[messages.RunDetail], bool], *, timeout_s: float, what: str
    ) -> messages.RunDetail:
        """The run once ``is_right`` holds. Raises NotYet with the run as last seen."""
        last: list[messages.RunDetail | None] = [None]

        def look() -> messages.RunDetail | None:
            try:
                last[0] = self.run(project, run_id)
            except (urllib3.exceptions.HTTPError, RuntimeError):
                return None
            return last[0] if last[0] is not None and is_right(last[0]) else None

        try:
            return wait_for(look, timeout_s=timeout_s, what=what)
        except NotYet as error:
            seen = last[0]
            state = "no such run" if seen is None else f"state {seen.run.state}, {seen.run.rows} rows, {seen.losses}"
            raise NotYet(f"{error}; last seen: {state}") from None


@contextlib.contextmanager
def running_server(home: Path) -> Iterator[Server]:
    """A started server; every process of ``home`` is ended when the block ends."""
    server = Server(home)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        end_processes(home)
