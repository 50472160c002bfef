"""A stand-in for the documented ingest endpoints, to inject faults that the real server cannot be asked for.

Refusals, slow answers, cut connections, acknowledgements that get lost. It checks each range as the server does
(checksum, gaps, frames) and keeps the bytes, so that tests can compare them with the journal byte for byte.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit
from zlib import crc32

import zstandard

from runlore.protocol.frames import MAGIC, Damage, scan
from runlore.protocol.messages import PROTOCOL
from runlore.protocol.records import FORMAT

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

KEY = "rl-" + "k" * 48


class Fault:
    """What to do to a request instead of answering it. is_after: once the range is stored (a lost acknowledgement)."""

    def __init__(
        self,
        status: int = 0,
        code: str = "",
        *,
        is_cut: bool = False,
        is_after: bool = False,
        offset: int | None = None,
        wait_s: float = 0.0,
    ) -> None:
        self.status = status
        self.code = code
        self.is_cut = is_cut
        self.is_after = is_after
        self.offset = offset
        self.wait_s = wait_s


class StandIn:
    """The endpoints on a free port. ``faults(path)`` is asked before each answer and may return a Fault.

    is_checking: whether to look for damage in what comes, which takes longer than anything else.
    """

    def __init__(
        self, faults: Callable[[str], Fault | None] | None = None, port: int = 0, *, is_checking: bool = True
    ) -> None:
        self.is_checking = is_checking
        self.journals: dict[str, bytearray] = {}
        self.requests: Counter[str] = Counter()
        self.beats: list[list[str]] = []
        self.damaged_bytes = 0
        self.longest_range = 0
        self.runs: dict[str, dict[str, Any]] = {}
        self.protocol = PROTOCOL
        self.faults = faults or (lambda _path: None)
        self.lock = threading.Lock()
        self.connections: list[socket.socket] = []
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

            def do_GET(self) -> None:
                stand_in.handle(self)

            def do_POST(self) -> None:
                stand_in.handle(self)

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def process_request(self, request: Any, client_address: Any) -> None:
                stand_in.connections.append(request)
                super().process_request(request, client_address)

            def handle_error(self, *_: object) -> None:
                """Clients that were killed are no news."""

        self._server = Server(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        for connection in self.connections:
            # Or kept connections would go on being served.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._thread.join()

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        parts = urlsplit(request.path)
        path = parts.path.removeprefix("/api/v1")
        kind = "range" if path.startswith("/journals/") and not path.endswith("/offset") else path
        with self.lock:
            self.requests[kind] += 1
        fault = self.faults(path)
        if fault is not None and fault.wait_s:
            time.sleep(fault.wait_s)
        if fault is not None and not fault.is_after and (fault.is_cut or fault.status):
            self._misbehave(request, fault)
            return
        status, answer = self._answer(request, path, parse_qs(parts.query), body)
        if fault is not None and fault.is_after:
            self._misbehave(request, fault)
            return
        self._send(request, status, answer)

    def _misbehave(self, request: BaseHTTPRequestHandler, fault: Fault) -> None:
        request.close_connection = True
        if not fault.is_cut:
            self._send(request, fault.status, _error(fault.code, fault.offset))

    @staticmethod
    def _send(request: BaseHTTPRequestHandler, status: int, answer: Any) -> None:
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def _answer(
        self, request: BaseHTTPRequestHandler, path: str, query: dict[str, list[str]], body: bytes
    ) -> tuple[int, Any]:
        if path == "/health":
            return 200, {"status": "ok", "version": "0.1.0", "protocol": self.protocol, "journal_format": FORMAT}
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return 401, _error("bad-credential")
        if path == "/heartbeats":
            writers = json.loads(body)["writers"]
            self.beats.append(writers)
            return 200, {"known": [writer for writer in writers if writer in self.journals], "stop": []}
        if path.startswith("/runs/"):
            run = self.runs.get(path.removeprefix("/runs/"))
            return (200, run) if run else (404, _error("not-found"))
        writer = path.split("/")[2]
        if path.endswith("/offset"):
            with self.lock:
                known = self.journals.get(writer)
                return (404, _error("not-found")) if known is None else (200, self._accepted(writer))
        return self._take(request, writer, int(query["offset"][0]), body)

    def _accepted(self, writer: str) -> dict[str, Any]:
        return {
            "offset": len(self.journals[writer]),
            "entity": "me",
            "project": "p",
            "run_id": "r",
            "url": f"{self.url}/me/p/r",
            "stop": False,
        }

    def _take(self, request: BaseHTTPRequestHandler, writer: str, offset: int, body: bytes) -> tuple[int, Any]:
        data = zstandard.decompress(body) if request.headers.get("Content-Encoding") == "zstd" else body
        if f"{crc32(data):08x}" != request.headers["X-Runlore-Checksum"]:
            return 400, _error("damaged-upload")
        if offset == 0 and not data.startswith(MAGIC):
            return 422, _error("bad-journal")
        with self.lock:
            stored = (
                self.journals.setdefault(writer, bytearray()) if offset == 0 else self.journals.get(writer, bytearray())
            )
            if offset > len(stored):
                return 409, _error("offset-gap", len(stored))
            fresh = data[len(stored) - offset :]
            at = len(MAGIC) if not stored else 0
            items = scan(memoryview(fresh)[at:], is_final=True) if self.is_checking else ()
            self.damaged_bytes += sum(item.end - item.start for item in items if isinstance(item, Damage))
            self.longest_range = max(self.longest_range, len(data))
            stored += fresh
            return 200, self._accepted(writer)


def _error(code: str, offset: int | None = None) -> dict[str, Any]:
    return {"error": {"code": code, "message": f"told to say {code}", "hint": "", "field": None, "offset": offset}}
