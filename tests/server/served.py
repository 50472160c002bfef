"""A server without a process, and journals made in memory to feed it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
from litestar.testing import TestClient

from runlore.protocol import columns, ids, records, wire
from runlore.protocol.frames import MAGIC
from runlore.server.app import make_asgi
from runlore.server.folder import DataFolder
from runlore.server.service import open_service

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from httpx import Response

    from runlore.server.service import Service

HOST = "testserver.local"


class Journal:
    """A journal's bytes. ``at`` is how many of them were sent."""

    def __init__(self, run_id: str = "r", *, header: bool = True, **fields: Any) -> None:
        self.writer = fields.pop("writer", "") or ids.new_writer()
        self.run_id = run_id
        self.data = b""
        self.at = 0
        self.time_ns = fields.pop("time_ns", time.time_ns())
        self._schemas: dict[tuple[str, ...], tuple[int, str]] = {}
        if header:
            found = records.Header(
                run_id=run_id,
                project=fields.pop("project", "p"),
                writer=self.writer,
                time_ns=self.time_ns,
                **fields,
            )
            self.data = MAGIC + wire.encode(found)

    def add(self, *entries: records.Record) -> Journal:
        self.data += b"".join(wire.encode(entry) for entry in entries)
        return self

    def row(self, step: int, *, types: Any = None, time_ns: Any = None, **values: Any) -> Journal:
        names = tuple(values)
        if names not in self._schemas:
            letters = types or "d" * len(names)
            self._schemas[names] = (len(self._schemas), letters)
            self.add(records.Schema(id=len(self._schemas) - 1, names=list(names), types=letters))
        schema, letters = self._schemas[names]
        at_ns = self.time_ns + step * 1_000_000 if time_ns is None else time_ns
        self.data += wire.encode_row(letters, schema, step, at_ns, tuple(values.values()))
        return self

    def rows(self, steps: range, name: str = "loss") -> Journal:
        for step in steps:
            self.row(step, **{name: float(step)})
        return self

    def exit(self, state: str = "finished", *, after_s: float = 1000.0, **fields: Any) -> Journal:
        return self.add(records.Exit(time_ns=self.time_ns + int(after_s * 1e9), state=state, **fields))


class Served:
    """A running service behind HTTP."""

    def __init__(self, service: Service, client: TestClient[Any]) -> None:
        self.service = service
        self.client = client
        self.key = service.access.add_user("ann")

    def ask(self, method: str, path: str, *, key: str | None = None, **more: Any) -> Response:
        headers = {"Authorization": f"Bearer {key or self.key}", **more.pop("headers", {})}
        return self.client.request(method, f"/api/v1{path}", headers=headers, **more)

    def get(self, path: str, **more: Any) -> Any:
        answer = self.ask("GET", path, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def upload(self, writer: str, offset: int, data: bytes, **more: Any) -> Response:
        headers = {"X-Runlore-Checksum": f"{crc32(data):08x}", **more.pop("headers", {})}
        return self.ask("POST", f"/journals/{writer}?offset={offset}", content=data, headers=headers, **more)

    def send(self, *journals: Journal) -> None:
        """Send what was not sent yet of each journal."""
        for journal in journals:
            answer = self.upload(journal.writer, journal.at, journal.data[journal.at :])
            assert answer.status_code == 200, answer.text
            journal.at = answer.json()["offset"]
            assert journal.at == len(journal.data)

    def run(self, run_id: str = "r") -> Any:
        return self.get(f"/runs/~/p/{run_id}")["run"]

    def history(self, *keys: str, run_id: str = "r") -> tuple[dict[str, list[Any]], dict[str, Any]]:
        """The columns of a run's history, and the meta."""
        wanted = "&".join(f"keys={key}" for key in keys)
        return frame(self.ask("GET", f"/runs/~/p/{run_id}/history?{wanted}"))

    def series(self, runs: Sequence[str], metrics: Sequence[str], **more: Any) -> tuple[dict[str, list[Any]], Any]:
        paths = [{"entity": "", "project": "p", "id": run_id} for run_id in runs]
        return frame(self.ask("POST", "/series", json={"runs": paths, "metrics": list(metrics), **more}))


def frame(answer: Response) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """The columns and the meta of a column frame."""
    assert answer.status_code == 200, answer.text
    found, meta = columns.decode(answer.content)
    return {name: np.frombuffer(data, "<" + kind).tolist() for name, (kind, data) in found.items()}, meta


@cache
def _migrated() -> bytes:
    """An empty database with all tables: copying it is quicker than making it in every test."""
    with TemporaryDirectory() as folder:
        data = DataFolder(Path(folder) / "data")
        with open_service(data):
            pass
        return (data.path / "runlore.sqlite").read_bytes()


@contextmanager
def serving(folder: Path, *, heartbeat_timeout_s: float = 12.0) -> Iterator[Served]:
    """A service on a data folder of its own, with the user "ann"."""
    (DataFolder(folder / "data").path / "runlore.sqlite").write_bytes(_migrated())
    with (
        DataFolder(folder / "data").lock() as data,
        open_service(data, heartbeat_timeout_s=heartbeat_timeout_s) as service,
        TestClient(make_asgi(service, hosts=[HOST]), base_url=f"http://{HOST}") as client,
    ):
        yield Served(service, client)
