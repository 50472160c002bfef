"""Shipment: one journal on its way to one server, as ranges with acknowledged offsets.

An offset makes every retry harmless: what was sent twice is stored once, and after any fault the server says where to
go on. The recorder and ``sync`` drive the same shipment.
"""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

import zstandard

from runlore.errors import CommError, UnsupportedJournal
from runlore.recorder.backoff import LONGEST_WAIT_S, STEADY_WAIT_S, Backoff
from runlore.recorder.tail import RANGE_BYTES, Range, Tail, open_journal, pieces
from runlore.transport import Refused

if TYPE_CHECKING:
    from runlore.protocol.messages import Accepted
    from runlore.recorder.client import Client
    from runlore.recorder.progress import ProgressFile

log = logging.getLogger(__name__)

SMALL_RANGE_BYTES: Final = 256 * 1024
"""Range length while another journal is sending a long one to the same server: it bounds the memory."""

_SHORTEST_LIMIT: Final = 64 * 1024
_PLAIN_BYTES: Final = 256
_LEVEL: Final = 1


class Packed(NamedTuple):
    """A range as it goes over the wire. checksum: CRC-32 of the bytes before encoding."""

    body: bytes | bytearray
    encoding: str
    checksum: int


def pack(path: str, part: Range) -> Packed:
    """The range's bytes, compressed unless they are few.

    Holds no more than the compressed bytes in memory. Raises OSError, EOFError when the file got shorter.
    """
    with open_journal(path) as file:
        if part.end - part.start <= _PLAIN_BYTES:
            plain = b"".join(pieces(file, part.start, part.end))
            return Packed(plain, "identity", crc32(plain))
        checksum = 0
        packed = bytearray()
        compressor = zstandard.ZstdCompressor(level=_LEVEL).compressobj(size=part.end - part.start)
        for piece in pieces(file, part.start, part.end):
            checksum = crc32(piece, checksum)
            packed += compressor.compress(piece)
        packed += compressor.flush()
    return Packed(packed, "zstd", checksum)


class Shipment:
    """Ships one journal.

    is_final: set by the owner when no process writes to the journal any more.
    is_drained: everything that can be shipped was acknowledged, and no more will come.
    may_pass: the last fault may mend itself soon.
    is_lost: it can never be shipped (the file is gone or no journal); ``progress.error`` tells why.
    Use from one thread at a time, but for the attributes, which may be read at any time.
    """

    def __init__(self, path: str, writer: str, progress: ProgressFile) -> None:
        self.path = path
        self.writer = writer
        self.progress = progress
        self.tail = Tail(path)
        self.backoff = Backoff()
        self.offset: int | None = None
        self.last: Accepted | None = None
        self.sent_bytes = 0
        self.is_final = False
        self.is_drained = False
        self.is_lost = False
        self._limit = RANGE_BYTES
        self._gaps = 0
        self.may_pass = True

    def size(self) -> int:
        """Bytes of the journal, 0 when it is gone. Raises no OSError."""
        try:
            return os.stat(self.path).st_size  # noqa: PTH116 - called very often
        except OSError:
            return 0

    def forget_server(self) -> None:
        """The server changed, or lost what it had: ask it for the offset again."""
        self.offset = None
        self.is_drained = False
        self.backoff.succeeded()

    def has_more(self) -> bool:
        """Whether the server may lack something, as far as file sizes tell."""
        if self.is_drained or self.is_lost:
            return False
        return self.offset is None or self.is_final or self.size() > self.offset

    def drain(self, client: Client, *, until: float, limit: int = RANGE_BYTES) -> bool:
        """Ship ranges until none is left or the clock (``time.monotonic``) passes ``until``; True when some is left.

        limit: longest range in bytes. Faults of this journal alone are noted (``backoff``, ``progress.error``,
        ``is_lost``). Raises the CommErrors that concern every journal of the server: ServerUnreachable,
        AuthenticationError, IncompatibleServer.
        """
        try:
            while self._ship_one(client, limit):
                if time.monotonic() >= until:
                    return True
        except Refused as refusal:
            self._refused(refusal, client.base_url)
        except CommError:
            raise
        except (OSError, EOFError, UnsupportedJournal) as error:
            self._unreadable(error, client.base_url)
        return False

    def _ship_one(self, client: Client, limit: int) -> bool:
        """Ship one range; False when there is none."""
        is_final = self.is_final  # read before the file is: bytes written later still count
        if self.offset is None:
            known = client.offset(self.writer)
            self._note(client, known)
        start = self.offset or 0
        size = os.stat(self.path).st_size  # noqa: PTH116 - called very often
        if size < start:
            raise EOFError(
                f"{self.path} has {size} bytes, but the server has {start}: the file was cut; nothing more can be shipped from it"
            )
        part = self.tail.cut(start, is_final=is_final, limit=min(limit, self._limit))
        if part.end == part.start:
            if start == 0 and size > 0:
                self._check_start(is_final=is_final)
            self.is_drained = is_final
            return False
        packed = pack(self.path, part)
        accepted = client.ship(self.writer, part.start, packed.body, encoding=packed.encoding, checksum=packed.checksum)
        if accepted.offset <= part.start:
            raise Refused(
                f"{client.base_url} took bytes {part.start} to {part.end} of journal {self.writer}, but says that it has "
                f"{accepted.offset}",
                status=200,
            )
        self.sent_bytes += part.end - part.start
        self._note(client, accepted)
        self.backoff.succeeded()
        self._gaps = 0
        return True

    def _check_start(self, *, is_final: bool) -> None:
        """Why nothing can be cut from the start of the file. Raises UnsupportedJournal when it is no journal."""
        try:
            self.tail.header()
        except EOFError:
            if is_final:
                log.info("%s ends within its header: there is nothing in it", self.path)

    def _note(self, client: Client, accepted: Accepted | None) -> None:
        self.offset = 0 if accepted is None else accepted.offset
        if accepted is not None:
            self.last = accepted
            self.progress.accepted(accepted.offset, accepted.url, accepted.entity, client.base_url)

    def _refused(self, refusal: Refused, base_url: str) -> None:
        if refusal.code == "offset-gap" and refusal.offset is not None and self._gaps < 3:
            self._gaps += 1
            self.offset = refusal.offset
            log.info("%s continues at byte %d, as %s asks", self.path, refusal.offset, base_url)
            return
        if refusal.status == 413 and self._limit > _SHORTEST_LIMIT:
            self._limit //= 2
            return
        self._tell(str(refusal), base_url)
        self._retry_later(is_passing=refusal.status >= 500 or refusal.code == "damaged-upload")

    def _unreadable(self, error: Exception, base_url: str) -> None:
        self._tell(str(error), base_url)
        is_gone = isinstance(error, FileNotFoundError)
        if is_gone or (self.is_final and not isinstance(error, OSError)):
            self.is_lost = True
        self._retry_later(is_passing=not is_gone)

    def _tell(self, error: str, base_url: str) -> None:
        if error != self.progress.error:
            log.warning("cannot ship journal %s: %s", self.path, error)
        self.progress.failed(error, base_url)

    def _retry_later(self, *, is_passing: bool) -> None:
        if is_passing != self.may_pass:
            self.backoff = Backoff(LONGEST_WAIT_S if is_passing else STEADY_WAIT_S)
            self.may_pass = is_passing
        self.backoff.failed()
