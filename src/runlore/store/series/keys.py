"""Names of metrics ⇄ their numbers in the database."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from sqlalchemy import insert, select

from runlore.store.series.schema import STREAM_CODES, metric_key
from runlore.store.series.statements import slices

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from runlore.store.base import Stream
    from runlore.store.database import SqlTransaction

_REMEMBERED: Final = 200_000
"""Names held in memory; past that they are forgotten and read again."""


class MetricKeys:
    """The numbers of metric names. Remembers those that are committed; threads share it."""

    def __init__(self) -> None:
        self._known: dict[tuple[Stream, str], int] = {}
        self._lock = threading.Lock()

    def find(self, connection: Connection, stream: Stream, names: Iterable[str]) -> dict[str, int]:
        """The numbers of those names that have one. connection: for reading, so that what it sees is committed."""
        found = self._find(connection, stream, list(names))
        self._remember(stream, found)
        return found

    def assign(self, tx: SqlTransaction, stream: Stream, names: Iterable[str]) -> dict[str, int]:
        """The numbers of all these names; new names get one."""
        wanted = list(names)
        found = self._find(tx.connection, stream, wanted)
        missing = [name for name in wanted if name not in found]
        if missing:
            tx.connection.execute(
                insert(metric_key), [{"stream": STREAM_CODES[stream], "name": name} for name in missing]
            )
            added = self._read(tx.connection, stream, missing)
            found |= added
        tx.after_commit(lambda: self._remember(stream, found))
        return found

    def names(self, connection: Connection, keys: Iterable[int]) -> dict[int, tuple[Stream, str]]:
        """The stream and name of each number."""
        streams: dict[int, Stream] = {code: stream for stream, code in STREAM_CODES.items()}  # type: ignore[misc]
        return {
            row.id: (streams[row.stream], row.name)
            for part in slices(list(keys))
            for row in connection.execute(select(metric_key).where(metric_key.c.id.in_(part)))
        }

    def _find(self, connection: Connection, stream: Stream, wanted: list[str]) -> dict[str, int]:
        with self._lock:
            found = {name: self._known[stream, name] for name in wanted if (stream, name) in self._known}
        missing = [name for name in wanted if name not in found]
        return found | self._read(connection, stream, missing) if missing else found

    def _read(self, connection: Connection, stream: Stream, names: list[str]) -> dict[str, int]:
        return {
            row.name: row.id
            for part in slices(names)
            for row in connection.execute(
                select(metric_key).where(metric_key.c.stream == STREAM_CODES[stream], metric_key.c.name.in_(part))
            )
        }

    def _remember(self, stream: Stream, found: dict[str, int]) -> None:
        with self._lock:
            if len(self._known) + len(found) > _REMEMBERED:
                self._known.clear()
            self._known.update({(stream, name): key for name, key in found.items()})
