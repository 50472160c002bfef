"""Runs a server: data folder, port, owner, link, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from granian.constants import Interfaces
from granian.server.embed import Server

from runlore import folders
from runlore.errors import UsageError
from runlore.server.app import make_asgi
from runlore.server.folder import DataFolder
from runlore.server.liveness import TIMEOUT_S
from runlore.server.owner import owner_of
from runlore.server.service import Service, open_service

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_log: Final = logging.getLogger(__name__)

_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - what a browser here uses instead
_START_S: Final = 30.0


class Options(NamedTuple):
    """How to serve. port: 0 picks a free one. allow_hosts: further names that the server answers to."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 8417
    allow_hosts: Sequence[str] = ()
    heartbeat_timeout_s: float = TIMEOUT_S
    has_recorder: bool = True


def serve(options: Options, *, on_ready: Callable[[str, str], None]) -> None:
    """Serve until SIGINT or SIGTERM. on_ready: called with the address and a one-time link once the server answers.

    Raises DataFolderInUse, DataFolderUnusable or another StoreError when the data cannot be opened, UsageError when the address
    cannot be listened on.
    """
    os.umask(0o077)
    with DataFolder(options.data).lock() as folder:
        port = _claim(options.host, options.port)
        with open_service(folder, heartbeat_timeout_s=options.heartbeat_timeout_s) as service:
            owner, key = owner_of(service.access, service.meta, folder)
            asyncio.run(_run(service, options._replace(port=port), owner, key, on_ready))


def address(host: str, port: int) -> str:
    """The server's address for a browser on this machine."""
    host = _ANY.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _run(service: Service, options: Options, owner: str, key: str, on_ready: Callable[[str, str], None]) -> None:
    server = Server(
        make_asgi(service, hosts=[options.host, *options.allow_hosts]),
        address=options.host or "127.0.0.1",
        port=options.port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_enabled=False,
    )
    loop = asyncio.get_running_loop()

    def stop() -> None:
        service.hub.close()
        server.stop()  # type: ignore[no-untyped-call]

    previous = {
        number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    serving = loop.create_task(server.serve(), name="runlore-serve")
    note = folders.server_file()
    try:
        if await _answers(options, serving):
            url = address(options.host, options.port)
            content = {"url": url, "pid": os.getpid(), "data": str(service.folder.path), "api_key": key}
            folders.write_private(note, json.dumps(content).encode())
            if options.has_recorder:
                _start_recorder()
            on_ready(url, f"{url}/#link={await asyncio.to_thread(service.access.add_link, owner)}")
        await serving
    finally:
        _withdraw(note)
        for number, handler in previous.items():
            signal.signal(number, handler)


async def _answers(options: Options, serving: asyncio.Task[None]) -> bool:
    """Wait until the port takes connections; false when the server was stopped before it did."""
    end = asyncio.get_running_loop().time() + _START_S
    while not serving.done():
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(_ANY.get(options.host, options.host), options.port)
            writer.close()
            return True
        if asyncio.get_running_loop().time() > end:
            raise UsageError(f"cannot listen on {options.host}:{options.port}: no answer within {_START_S:.0f} s")
        await asyncio.sleep(0.02)
    return False


def _claim(host: str, port: int) -> int:
    """The port to listen on; any free one for 0. Raises UsageError when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError(
                f"cannot listen on {host}:{port}: {reason}; "
                "stop what uses it, or choose another port with --port (0 picks a free one) or address with --host"
            ) from error
        return int(probe.getsockname()[1])


def _withdraw(note: Path) -> None:
    """Remove the note about this server, unless another one has written its own by now."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        if json.loads(note.read_bytes()).get("pid") == os.getpid():
            note.unlink()


def _start_recorder() -> None:
    """Start the recorder of this user, so that runs logged while no server ran are uploaded now."""
    try:
        subprocess.Popen(
            [sys.executable, "-m", "runlore.recorder", "run"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        _log.warning("cannot start the recorder: %s; `runlore sync --all` uploads what is waiting", error)
