"""Reads journals back, and runs scripts in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from runlore.protocol import frames, records, wire
from runlore.protocol.records import Exit

if TYPE_CHECKING:
    from pathlib import Path

R = TypeVar("R", bound=records.Record)


class Row(msgspec.Struct):
    """A row as read back: packed values and objects alike."""

    step: int
    time_ns: int
    values: dict[str, Any]


class Journal(msgspec.Struct):
    """A journal as read back. damaged: byte ranges that no frame fills."""

    path: str
    header: records.Header
    rows: list[Row]
    records: list[records.Record]
    damaged: int

    def of(self, kind: type[R]) -> list[R]:
        """The records of one kind, in order."""
        return [record for record in self.records if isinstance(record, kind)]

    def column(self, name: str) -> list[tuple[int, Any]]:
        """Step and value of a metric, in journal order."""
        return [(row.step, row.values[name]) for row in self.rows if name in row.values]

    @property
    def exit(self) -> Exit:
        """The one Exit record."""
        (found,) = self.of(Exit)
        return found

    @property
    def config(self) -> dict[str, Any]:
        """All Config records folded."""
        found: dict[str, Any] = {}
        for record in self.of(records.Config):
            found.update(record.set)
            for key in record.remove:
                found.pop(key, None)
        return found


def read_journal(path: Path) -> Journal:
    """The journal; fails when its start is wrong."""
    data = path.read_bytes()
    assert data.startswith(frames.MAGIC)
    schemas: dict[int, records.Schema] = {}
    rows: list[Row] = []
    found: list[records.Record] = []
    damaged = 0
    for item in frames.scan(data[len(frames.MAGIC) :], is_final=True):
        if isinstance(item, frames.Damage):
            damaged += 1
            continue
        if item.kind == records.Kind.ROW:
            schema = schemas[wire.ROW_HEAD.unpack_from(item.payload)[0]]
            row = wire.decode_row(schema.types, item.payload)
            rows.append(Row(row.step, row.time_ns, dict(zip(schema.names, row.values, strict=True))))
            continue
        record = wire.decode(item.kind, item.payload)
        assert record is not None
        found.append(record)
        if isinstance(record, records.Schema):
            schemas[record.id] = record
        elif isinstance(record, records.Objects):
            rows.append(Row(record.step, record.time_ns, record.values))
    return Journal(str(path), wire.check_header(found[0]), rows, found, damaged)


def journals_of(folder: Path) -> list[Journal]:
    """All journals below a folder, the primary writer's first."""
    found = [read_journal(path) for path in folder.rglob("*.rlj")]
    return sorted(found, key=lambda journal: (journal.header.role != "primary", journal.header.time_ns))


def only_journal(folder: Path) -> Journal:
    """The one journal below a folder."""
    (found,) = journals_of(folder)
    return found


def run_script(
    code: str, *, expected: int = 0, timeout_s: float = 30, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a script to its end in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
        timeout=timeout_s,
    )
    assert done.returncode == expected, done.stderr
    return done
