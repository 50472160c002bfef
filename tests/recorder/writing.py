"""Journals and entries as a trainer writes them, and a trainer process that does nothing but live."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Self

import psutil

from runlore import folders
from runlore.protocol import wire
from runlore.protocol.frames import MAGIC, Frame, scan
from runlore.protocol.ids import new_writer
from runlore.protocol.records import Exit, Header, Kind, Record, Schema
from runlore.recorder.entries import Entry, Settings, write_entry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Written:
    """A journal under the test's control. pid: of the trainer it claims to be written by."""

    def __init__(self, root: Path, *, pid: int | None = None, role: str = "primary", run_id: str = "run1") -> None:
        self.writer = new_writer()
        self.run_id = run_id
        self.pid = os.getpid() if pid is None else pid
        self.pid_start = psutil.Process(self.pid).create_time() if psutil.pid_exists(self.pid) else time.time() - 60
        self.role = role
        self.run_dir = root / "runs" / "p" / f"20260102-030405-{run_id}"
        self.run_dir.mkdir(parents=True, exist_ok=True)
        self.path = self.run_dir / f"{self.writer}.rlj"
        self.schema_count = 0
        header = Header(
            run_id=run_id,
            project="p",
            writer=self.writer,
            time_ns=time.time_ns(),
            role=role,
            host=folders.host_name(),
            pid=self.pid,
            pid_start=self.pid_start,
        )
        self.add_bytes(MAGIC + wire.encode(header))

    def add_bytes(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)

    def add(self, *records: Record) -> None:
        self.add_bytes(b"".join(wire.encode(record) for record in records))

    def add_rows(self, count: int, first_step: int = 0) -> None:
        """Rows of ten float64 each."""
        if not self.schema_count:
            self.add(Schema(id=0, names=[f"m{i}" for i in range(10)], types="d" * 10))
            self.schema_count = 1
        row = [
            wire.encode_row("d" * 10, 0, step, time.time_ns(), tuple(step * 0.1 + i for i in range(10)))
            for step in range(first_step, first_step + count)
        ]
        self.add_bytes(b"".join(row))

    def finish(self, state: str = "finished") -> None:
        self.add(Exit(time_ns=time.time_ns(), state=state, exit_code=0))

    def enter(
        self,
        base_url: str | None,
        api_key: str | None,
        *,
        is_offline: bool = False,
        settings: Settings | None = None,
    ) -> Entry:
        """Ask the recorder to drain it."""
        entry = Entry(
            journal=str(self.path),
            run_dir=str(self.run_dir),
            writer=self.writer,
            run_id=self.run_id,
            project="p",
            entity="",
            role=self.role,
            base_url=base_url,
            api_key=api_key,
            pid=self.pid,
            pid_start=self.pid_start,
            offline=is_offline,
            settings=settings or Settings(stats_disabled=True),
        )
        write_entry(folders.active_folder(), entry)
        return entry


class Trainer:
    """A process that lives until it is killed."""

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
        )
        self.pid = self.process.pid
        return self

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def records_of(path: Path) -> Iterator[Any]:
    """The records of a journal but its rows."""
    for item in scan(memoryview(path.read_bytes())[len(MAGIC) :], is_final=True):
        assert isinstance(item, Frame)
        if item.kind != Kind.ROW:
            yield wire.decode(item.kind, item.payload)


def entry_exists(writer: str) -> bool:
    return (folders.active_folder() / f"{writer}.json").exists()
