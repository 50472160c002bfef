"""A real server process on a free port."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from zlib import crc32

import httpx
import psutil
import pytest
from tests.server.served import Journal, frame

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMAND = [sys.executable, "-m", "runlore.cli"]


class Process:
    """A started server and a client with the owner's key."""

    def __init__(self, folder: Path, output: Path, user_folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self.output = output
        self.note = user_folder / "server.json"
        self.process = process
        end = time.monotonic() + 30
        while "#link=" not in output.read_text():
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < end, output.read_text()
            time.sleep(0.02)
        content = json.loads(self.note.read_text())
        self.url: str = content["url"]
        self.key: str = content["api_key"]
        self.client = httpx.Client(
            base_url=f"{self.url}/api/v1", headers={"Authorization": f"Bearer {self.key}"}, timeout=30, trust_env=False
        )

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(20)

    def upload(self, journal: Journal, end: int | None = None) -> httpx.Response:
        data = journal.data[journal.at : end]
        headers = {"X-Runlore-Checksum": f"{crc32(data):08x}"}
        return self.client.post(f"/journals/{journal.writer}?offset={journal.at}", content=data, headers=headers)


@contextmanager
def started(tmp_path: Path, user_folder: Path, *arguments: str) -> Iterator[Process]:
    output = tmp_path / "output"
    folder = tmp_path / "data"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*COMMAND, "server", "--port", "0", "--data", str(folder), "--no-recorder", *arguments],
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        server = Process(folder, output, user_folder, process)
        with server.client:
            yield server
    finally:
        process.kill()
        process.wait()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_a_first_start_makes_an_owner_and_a_link_and_ends_in_order(tmp_path: Path, own_data_folder: Path) -> None:
    with started(tmp_path, own_data_folder) as server:
        me = server.client.get("/me").json()
        link = next(word for word in server.output.read_text().split() if "#link=" in word)
        assert link.startswith(server.url)
        session = server.client.post(
            "/session", json={"link": link.partition("#link=")[2]}, headers={"Authorization": ""}
        )
        assert session.json() == me
        for path, mode in ((server.folder, 0o700), (server.folder / "owner-key", 0o600), (server.note, 0o600)):
            assert path.stat().st_mode & 0o777 == mode
        assert (server.folder / "owner-key").read_text().strip() == server.key
        assert json.loads(server.note.read_text())["pid"] == server.process.pid
        assert psutil.Process(server.process.pid).memory_info().rss < 150 * 2**20
        assert server.stop() == 0
        assert not server.note.exists()
        assert "Traceback" not in server.output.read_text()
    with started(tmp_path, own_data_folder) as again:
        assert again.client.get("/me").json() == me
        assert again.stop(signal.SIGINT) == 0


def test_a_folder_in_use_a_taken_port_and_a_folder_of_something_else_are_said_plainly(
    tmp_path: Path, own_data_folder: Path
) -> None:
    with started(tmp_path, own_data_folder) as server:
        second = run("server", "--port", "0", "--data", str(server.folder))
        assert second.returncode == 1
        assert f"process id {server.process.pid}" in second.stderr
        port = server.url.rpartition(":")[2]
        taken = run("server", "--port", port, "--data", str(tmp_path / "other"))
        assert taken.returncode == 1
        assert f"cannot listen on 127.0.0.1:{port}" in taken.stderr
        assert "--port" in taken.stderr
        assert server.client.get("/me").status_code == 200
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("keep me")
    refused = run("server", "--port", "0", "--data", str(foreign))
    assert refused.returncode == 1
    assert "files of something else" in refused.stderr
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert "cannot use" in run("server", "--port", "0", "--data", str(blocked / "x")).stderr
    for answer in (second, taken, refused):
        assert "Traceback" not in answer.stderr


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_is_not_writable_is_said_plainly(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o500)
    refused = run("server", "--port", "0", "--data", str(folder))
    assert refused.returncode == 1
    assert "make it writable" in refused.stderr


def test_users_are_added_while_the_server_runs(tmp_path: Path, own_data_folder: Path) -> None:
    with started(tmp_path, own_data_folder) as server:
        data = ["--data", str(server.folder)]
        added = run("user", "add", "bob", *data)
        assert added.returncode == 0
        key = added.stdout.splitlines()[-1]
        me = server.client.get("/me", headers={"Authorization": f"Bearer {key}"}).json()
        assert me == {"user": "bob", "entity": "bob", "entities": ["bob"]}
        assert run("user", "add", "bob", *data).returncode == 1
        assert run("user", "add", "no way", *data).returncode == 1
        assert {user["user"] for user in json.loads(run("user", "ls", "--json", *data).stdout)} >= {"bob"}
        new = json.loads(run("key", "new", "bob", "--json", *data).stdout)
        assert server.client.get("/me", headers={"Authorization": f"Bearer {new['api_key']}"}).status_code == 200
        assert run("key", "revoke", str(new["id"]), *data).returncode == 0
        assert run("key", "revoke", "999", *data).returncode == 1
        end = time.monotonic() + 5
        while server.client.get("/me", headers={"Authorization": f"Bearer {new['api_key']}"}).status_code == 200:
            assert time.monotonic() < end
            time.sleep(0.1)
        link = run("link", "bob", *data).stdout.strip()
        token = link.partition("#link=")[2]
        assert (
            server.client.post("/session", json={"link": token}, headers={"Authorization": ""}).json()["user"] == "bob"
        )


def test_events_stream_and_end_with_the_server(tmp_path: Path, own_data_folder: Path) -> None:
    with started(tmp_path, own_data_folder) as server:
        journal = Journal().rows(range(3))
        lines: list[str] = []
        with server.client.stream("GET", "/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            events = stream.iter_lines()
            while not (lines and lines[-1].startswith("data:")):
                lines.append(next(events))
            assert server.upload(journal).status_code == 200
            found: dict[str, Any] = {}
            while not found.get("runs"):
                line = next(events)
                lines.append(line)
                if line.startswith("data:"):
                    found = json.loads(line[5:])
            assert found["projects"] == [f"{server.client.get('/me').json()['entity']}/p"]
            cursor = found["cursor"]
            server.process.send_signal(signal.SIGTERM)
            assert list(events) is not None
        assert server.process.wait(20) == 0
        assert any(line == "event: change" for line in lines)
        assert any(line == f"id: {cursor}" for line in lines)


def test_fifty_uploads_at_once_are_all_stored(tmp_path: Path, own_data_folder: Path) -> None:
    with started(tmp_path, own_data_folder) as server:
        journals = [Journal(f"r{number}").rows(range(200)) for number in range(50)]
        answers: dict[str, int] = {}

        def send(journal: Journal) -> None:
            answers[journal.run_id] = server.upload(journal).json()["offset"]

        threads = [threading.Thread(target=send, args=[journal]) for journal in journals]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == {journal.run_id: len(journal.data) for journal in journals}
        runs = server.client.get("/projects/~/p/runs?limit=100").json()["runs"]
        assert [run["rows"] for run in runs] == [200] * 50


def test_kill_9_during_ingest_loses_nothing_acknowledged_and_stores_nothing_twice(
    tmp_path: Path, own_data_folder: Path
) -> None:
    journals = [Journal(f"r{number}") for number in range(4)]
    ends: list[list[int]] = [[len(journal.data)] for journal in journals]
    for journal, marks in zip(journals, ends, strict=True):
        for step in range(3000):
            journal.row(step, loss=float(step))
            marks.append(len(journal.data))
    for pause_s in (0.15, 0.4):
        with started(tmp_path, own_data_folder) as server:

            def send(number: int, server: Process = server) -> None:
                journal = journals[number]
                try:
                    while journal.at < len(journal.data):
                        end = next((mark for mark in ends[number] if mark > journal.at + 2000), len(journal.data))
                        journal.at = server.upload(journal, end).json()["offset"]
                except httpx.TransportError:
                    return

            threads = [threading.Thread(target=send, args=[number]) for number in range(4)]
            for thread in threads:
                thread.start()
            time.sleep(pause_s)
            server.process.kill()
            server.process.wait()
            for thread in threads:
                thread.join()
    with started(tmp_path, own_data_folder) as server:
        for journal, marks in zip(journals, ends, strict=True):
            answer = server.client.post(f"/journals/{journal.writer}/offset")
            stored = answer.json()["offset"] if answer.status_code == 200 else 0
            assert stored >= journal.at, "an acknowledged range is gone"
            if stored == 0:
                continue
            columns, _ = frame(server.client.get(f"/runs/~/p/{journal.run_id}/history"))
            assert len(columns["_step"]) == marks.index(stored)
            assert columns["_step"] == list(range(len(columns["_step"])))
            assert server.client.get(f"/runs/~/p/{journal.run_id}").json()["run"]["rows"] == len(columns["_step"])


def test_other_names_are_answered_to_when_allowed(tmp_path: Path, own_data_folder: Path) -> None:
    with started(tmp_path, own_data_folder, "--allow-host", "lab.example") as server:
        assert server.client.get("/health", headers={"Host": "lab.example:80"}).status_code == 200
        assert server.client.get("/health", headers={"Host": "other.example"}).status_code == 403
        with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as raw:
            raw.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            assert b" 200 " in raw.recv(100)
