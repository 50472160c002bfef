"""One round of a crash test: real processes, one ``kill -9`` at a random instant, then every row is counted.

Used by ``crash.py`` (hundreds of rounds) and by ``tests/journeys`` (a few).
"""

from __future__ import annotations

import random
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from harness.crash_trainer import NOTE_EVERY, row_of
from harness.live_server import RUNLORE, NotYet, environment, kill_all, recorder_of, wait_for
from runlore.protocol import ids

if TYPE_CHECKING:
    from harness.live_server import Server

KINDS: Final = ("trainer", "recorder", "both", "server")
TRAINER: Final = Path(__file__).with_name("crash_trainer.py")
STATE_LIMIT_S: Final = 15.0
ROWS_LIMIT_S: Final = 60.0
_KEYS: Final = ["index", "half", "wave", "note"]


class Outcome(NamedTuple):
    """What a round found.

    acknowledged: rows whose ``log`` had returned. lost: of those, how many the server does not have with the right
    values. doubled: rows stored more than once. wrong: rows that nobody logged. state_s: seconds from the crash (or,
    where the trainer survived, from its end) to the right state; None when it did not come.
    """

    kind: str
    run_id: str
    acknowledged: int
    lost: int
    doubled: int
    wrong: int
    state_s: float | None
    detail: str

    @property
    def is_good(self) -> bool:
        """Nothing lost, doubled or invented, and the state right in time."""
        return (
            not (self.lost or self.doubled or self.wrong) and self.state_s is not None and self.state_s <= STATE_LIMIT_S
        )


class _Trainer:
    """A logging process and the count of rows that it got acknowledged."""

    def __init__(self, home: Path, project: str, seconds: float) -> None:
        self.run_id = ids.new_run_id()
        self.counter = home / f"{self.run_id}.acknowledged"
        self.counter.write_bytes(bytes(8))
        self.output = home / f"{self.run_id}.output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(TRAINER), project, self.run_id, str(self.counter), str(seconds)],
                env=environment(home),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_for(self._has_begun, timeout_s=60, what="the first row", every_s=0.005)

    def _has_begun(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"the trainer ended with {self.process.returncode}:\n{self.output.read_text()[-3000:]}")
        return self.acknowledged() > 0

    def acknowledged(self) -> int:
        return int(struct.unpack("<Q", self.counter.read_bytes())[0])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def finish(self) -> None:
        """Wait for its own end, which must be a good one."""
        if (code := self.process.wait(timeout=120)) != 0:
            raise RuntimeError(f"the trainer ended with {code}:\n{self.output.read_text()[-3000:]}")

    def forget(self) -> None:
        """End it, whatever happened, and remove its files."""
        if self.process.poll() is None:
            self.kill()
        self.counter.unlink()
        self.output.unlink()


def _kill_recorder(home: Path) -> None:
    recorder = wait_for(lambda: recorder_of(home), timeout_s=20, what="a recorder to kill", every_s=0.005)
    kill_all([recorder])


def _next_run(home: Path, project: str, rng: random.Random) -> None:
    """What drains the journals of the dead on a real machine: the next training there, or ``runlore sync``."""
    if rng.random() < 0.5:
        words = [sys.executable, "-c", "import sys, runlore; runlore.init(project=sys.argv[1]).finish()", project]
    else:
        words = [*RUNLORE, "sync", "--all"]
    done = subprocess.run(words, env=environment(home), capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise RuntimeError(f"{words[1:]} ended with {done.returncode}:\n{done.stdout[-1500:]}{done.stderr[-1500:]}")


def count_rows(server: Server, project: str, run_id: str, acknowledged: int, *, is_exact: bool) -> tuple[int, int, int]:
    """Lost, doubled and wrong rows. is_exact: no row may follow the acknowledged ones; else one may (it was being
    logged when its process died).
    """
    rows = server.history(project, run_id, _KEYS)
    steps = rows.steps
    right = np.ones(len(steps), bool)
    if len(steps):
        right &= rows.present["index"] & (rows.columns["index"] == steps)
        right &= rows.present["half"] & (rows.columns["half"] == steps * 0.5)
        wave = (steps.astype(np.uint64) * np.uint64(2654435761) % np.uint64(2**32)).astype(float) / 2**32
        right &= rows.present["wave"] & (rows.columns["wave"] == wave)
        for row in np.flatnonzero(steps % NOTE_EVERY == 0):
            right[row] &= rows.objects.get((int(row), "note")) == row_of(int(steps[row]))["note"]
    good = steps[right & (steps >= 0) & (steps < acknowledged)]
    unique = np.unique(good)
    lost = acknowledged - len(unique)
    detail = server.run(project, run_id)
    stored = detail.run.rows if detail is not None else 0
    allowed = acknowledged + (0 if is_exact else 1)
    wrong = int(np.count_nonzero((steps >= allowed) | (steps < 0)))
    doubled = max(len(good) - len(unique), stored - len(np.unique(steps)), 0)
    return lost, doubled, wrong


def _state_in(server: Server, project: str, run_id: str, wanted: str, since: float) -> tuple[float | None, str]:
    """Seconds from ``since`` (monotonic) until the run is in the wanted state, None when that takes too long."""
    try:
        server.wait_run(
            project, run_id, lambda seen: seen.run.state == wanted, timeout_s=STATE_LIMIT_S + 5, what=f"state {wanted}"
        )
    except NotYet as error:
        return None, str(error)
    return time.monotonic() - since, ""


def run_round(kind: str, server: Server, rng: random.Random, *, project: str, is_patient: bool = False) -> Outcome:
    """Do one round. The server must run, and runs again afterwards.

    kind: who is killed, one of KINDS. is_patient: after a kill of both, first let the server find out by their silence.
    """
    home = server.home
    survives = kind in {"recorder", "server"}
    trainer = _Trainer(home, project, seconds=rng.uniform(0.8, 1.6) if survives else 600)
    try:
        if is_patient:  # the server can only notice the silence of a run that it knows
            wait_for(lambda: server.run(project, trainer.run_id), timeout_s=20, what="the run on the server")
        time.sleep(rng.uniform(0.0, 1.0))
        detail = ""
        if kind == "trainer":
            trainer.kill()
        elif kind == "recorder":
            _kill_recorder(home)
        elif kind == "both":
            if is_trainer_first := rng.random() < 0.5:
                trainer.kill()
            _kill_recorder(home)
            if not is_trainer_first:
                trainer.kill()
                # A trainer that outlived its recorder by an instant may have started another one.
                kill_all(filter(None, [recorder_of(home)]))
        else:
            server.kill()
            time.sleep(rng.uniform(0.0, 0.8))
            server.start()
        since = time.monotonic()
        if survives:
            trainer.finish()
            since = time.monotonic()
        acknowledged = trainer.acknowledged()
        wanted = "finished" if survives else "crashed"
        state_s: float | None = None
        if kind == "both":
            if is_patient:
                state_s, detail = _state_in(server, project, trainer.run_id, wanted, since)
                if state_s is None:
                    return Outcome(kind, trainer.run_id, acknowledged, 0, 0, 0, None, detail)
            since = time.monotonic()
            _next_run(home, project, rng)
        late_s, late = _state_in(server, project, trainer.run_id, wanted, since)
        state_s = late_s if state_s is None or late_s is None else max(state_s, late_s)
        detail = detail or late
        try:
            server.wait_run(
                project,
                trainer.run_id,
                lambda seen: seen.run.rows >= acknowledged,
                timeout_s=ROWS_LIMIT_S,
                what=f"{acknowledged} rows",
            )
        except NotYet as error:
            detail = f"{detail} {error}".strip()
        lost, doubled, wrong = count_rows(server, project, trainer.run_id, acknowledged, is_exact=survives)
        return Outcome(kind, trainer.run_id, acknowledged, lost, doubled, wrong, state_s, detail)
    finally:
        trainer.forget()
