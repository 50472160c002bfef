"""What the recorder, ``sync`` and ``lookup`` ask of a server: one method for each request they make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runlore.errors import NotFound
from runlore.protocol.messages import Accepted, Heartbeat, HeartbeatAnswer, RunDetail
from runlore.transport import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, Transport, path_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Client(Transport):
    """Requests to one server with one API key, as ``Transport`` makes them."""

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        *,
        extra_headers: Mapping[str, str] | None = None,
        insecure_disable_ssl: bool = False,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
        connections: int = 1,
    ) -> None:
        super().__init__(
            base_url,
            api_key,
            agent="runlore-recorder",
            extra_headers=extra_headers,
            insecure_disable_ssl=insecure_disable_ssl,
            connect_timeout_s=connect_timeout_s,
            read_timeout_s=read_timeout_s,
            connections=connections,
        )

    def ship(self, writer: str, offset: int, body: bytes | bytearray, *, encoding: str, checksum: int) -> Accepted:
        """Hand over a range of a journal that begins at ``offset``.

        body: encoded as ``encoding`` ("zstd" or "identity") says. checksum: CRC-32 of the bytes before that.
        Raises CommError or one of its kinds.
        """
        return self.ask(
            "POST",
            f"/journals/{writer}?offset={offset}",
            Accepted,
            body=body,
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Encoding": encoding,
                "X-Runlore-Checksum": f"{checksum:08x}",
            },
        )

    def offset(self, writer: str) -> Accepted | None:
        """How much of a journal the server has, None when it does not know it. Raises CommError or one of its kinds."""
        try:
            return self.ask("POST", f"/journals/{writer}/offset", Accepted)
        except NotFound:
            return None

    def heartbeat(self, writers: Sequence[str]) -> HeartbeatAnswer:
        """Say which writers live. Raises CommError or one of its kinds."""
        return self.ask("POST", "/heartbeats", HeartbeatAnswer, body=Heartbeat(writers=list(writers)))

    def run(self, entity: str, project: str, run_id: str) -> RunDetail | None:
        """A run, None when there is none that the key may see. entity: "" is the key's default one.

        Raises CommError or one of its kinds.
        """
        try:
            return self.ask("GET", f"/runs/{path_of(entity or '~', project, run_id)}", RunDetail)
        except NotFound:
            return None
