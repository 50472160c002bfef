"""Targets: the servers that journals go to, each with its own workers, waiting and errors, so that none holds up another."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from runlore import folders
from runlore.errors import CommError, ServerUnreachable
from runlore.recorder.backoff import LONGEST_WAIT_S, STEADY_WAIT_S, Backoff
from runlore.recorder.client import Client
from runlore.recorder.entries import Entry, headers_of
from runlore.recorder.shipment import SMALL_RANGE_BYTES
from runlore.recorder.tail import RANGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from runlore.recorder.shipment import Shipment

log = logging.getLogger(__name__)

DRAINS: Final = 8
"""Journals that ship to one server at the same time."""

SLICE_S: Final = 0.5
"""After so long a journal with more to ship goes behind the others that wait."""


class Address(NamedTuple):
    """What makes a target: journals with the same address share it."""

    base_url: str
    api_key: str | None
    insecure_disable_ssl: bool
    extra_headers: tuple[tuple[str, str], ...]


class _ServerFile(msgspec.Struct):
    url: str
    api_key: str | None = None


class LocalServer:
    """The server of this user on this machine, as its ``server.json`` tells."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version: tuple[int, int] | None = None
        self._known: _ServerFile | None = None

    def refresh(self) -> None:
        """Read the file again when it changed."""
        try:
            stat = self._path.stat()
            version = (stat.st_mtime_ns, stat.st_ino)
            if version == self._version:
                return
            self._known = msgspec.json.decode(self._path.read_bytes(), type=_ServerFile)
            self._version = version
        except FileNotFoundError:
            self._known, self._version = None, None
        except (OSError, msgspec.DecodeError) as error:
            log.warning("cannot read %s: %s; journals for the local server wait", self._path, error)
            self._known = None

    def address(self, entry: Entry) -> Address | None:
        """Where the entry's journal goes, None while no server is known or when the run is offline."""
        if entry.offline:
            return None
        base_url, api_key = entry.base_url, entry.api_key
        if not base_url:
            if self._known is None:
                return None
            base_url, api_key = self._known.url, self._known.api_key
        settings = entry.settings
        return Address(base_url, api_key, settings.insecure_disable_ssl, headers_of(settings))


def address_for(what: str, base_url: str | None, api_key: str | None) -> tuple[str, str | None]:
    """Address and API key to use: the given ones, else those of the local server.

    what: what cannot be done without, for the message. Raises ServerUnreachable when no server is known.
    """
    if base_url:
        return base_url, api_key
    local = LocalServer(folders.server_file())
    local.refresh()
    address = local.address(Entry(journal="", run_dir="", writer="", run_id="", project=""))
    if address is None:
        raise ServerUnreachable(
            f"cannot {what}: no server is known and none runs on this machine; start one with `runlore server`, or name "
            "one with RUNLORE_BASE_URL or `runlore login`"
        )
    return address.base_url, api_key or address.api_key


class Target:
    """One server with one key.

    is_up: it answered, and did not refuse us as a whole. error: why not. All methods return at once.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self.is_up = False
        self.error = ""
        self.last_success = time.monotonic()
        self._backoff = Backoff()
        self._is_passing = True
        self._lock = threading.Lock()
        self._in_flight: set[str] = set()
        self._unknown: set[str] = set()
        self._is_asking = False
        self._is_stopping = False
        self._long_range = threading.Lock()
        self._client: Client | None = None
        self._drains = ThreadPoolExecutor(DRAINS, thread_name_prefix="ship")
        self._control = ThreadPoolExecutor(1, thread_name_prefix="ask")

    def offer(self, shipment: Shipment) -> None:
        """Let a worker drain the journal, unless one does already or the journal is to wait."""
        with self._lock:
            if not self.is_up or self._is_stopping or shipment.writer in self._in_flight:
                return
            if not shipment.backoff.is_open():
                return
            self._in_flight.add(shipment.writer)
            self._drains.submit(self._drain, shipment)

    def is_shipping(self, writer: str) -> bool:
        """Whether a worker has the journal."""
        with self._lock:
            return writer in self._in_flight

    def probe(self) -> None:
        """Ask a server that is not up whether it lives, when the time for it has come."""
        if not self.is_up and self._backoff.is_open():
            self._ask(self._probe)

    def beat(self, offsets: Mapping[str, int]) -> None:
        """Say that writers live. offsets: how much of each the server has acknowledged."""
        if self.is_up and offsets:
            self._ask(lambda: self._beat(dict(offsets)))

    def take_unknown(self) -> set[str]:
        """Writers that the server had and has no more, each told once."""
        with self._lock:
            found, self._unknown = self._unknown, set()
            return found

    def close(self) -> None:
        """Finish the requests under way and end the workers."""
        with self._lock:
            self._is_stopping = True
        self._drains.shutdown(wait=True, cancel_futures=True)
        self._control.shutdown(wait=True, cancel_futures=True)
        if self._client is not None:
            self._client.close()

    def _connect(self) -> Client:
        with self._lock:
            if self._client is None:
                self._client = Client(
                    self.address.base_url,
                    self.address.api_key,
                    extra_headers=dict(self.address.extra_headers),
                    insecure_disable_ssl=self.address.insecure_disable_ssl,
                    connections=DRAINS + 1,
                )
            return self._client

    def _ask(self, question: Callable[[], None]) -> None:
        with self._lock:
            if self._is_asking or self._is_stopping:
                return
            self._is_asking = True
            self._control.submit(self._answer, question)

    def _answer(self, question: Callable[[], None]) -> None:
        try:
            question()
        except CommError as error:
            self._failed(error)
        except Exception:
            log.exception("a fault of the recorder while it asked %s", self.address.base_url)
            self._failed(ServerUnreachable("a fault of the recorder, see its log"))
        finally:
            with self._lock:
                self._is_asking = False

    def _probe(self) -> None:
        self._connect().health()
        if self.error:
            log.info("%s answers again", self.address.base_url)
        self.is_up = True

    def _beat(self, offsets: dict[str, int]) -> None:
        answer = self._connect().heartbeat(list(offsets))
        self._succeeded()
        lost = {writer for writer, offset in offsets.items() if offset > 0} - set(answer.known)
        with self._lock:
            self._unknown |= lost

    def _drain(self, shipment: Shipment) -> None:
        has_more = False
        sent = shipment.sent_bytes
        is_long = self._long_range.acquire(blocking=False)
        try:
            has_more = shipment.drain(
                self._connect(),
                until=time.monotonic() + SLICE_S,
                limit=RANGE_BYTES if is_long else SMALL_RANGE_BYTES,
            )
        except CommError as error:
            self._failed(error)
        except Exception:
            log.exception("a fault of the recorder while it shipped %s", shipment.path)
            shipment.backoff.failed()
        finally:
            if is_long:
                self._long_range.release()
            if shipment.sent_bytes > sent:
                self._succeeded()
            shipment.progress.flush()
            with self._lock:
                self._in_flight.discard(shipment.writer)
        if has_more:
            self.offer(shipment)

    def _succeeded(self) -> None:
        self.error = ""
        self.last_success = time.monotonic()
        self._backoff.succeeded()

    def _failed(self, error: CommError) -> None:
        is_passing = isinstance(error, ServerUnreachable)
        with self._lock:
            if str(error) != self.error:
                log.warning("%s", error)
            if is_passing != self._is_passing:
                self._backoff = Backoff(LONGEST_WAIT_S if is_passing else STEADY_WAIT_S)
                self._is_passing = is_passing
            self.error = str(error)
            if self.is_up or not self._backoff.failures or self._backoff.is_open():
                self._backoff.failed()
            self.is_up = False
