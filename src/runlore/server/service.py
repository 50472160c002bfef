"""Everything a server has open, put together: one object per data folder."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from runlore.server.access import Access
from runlore.server.ingest.commit import Committer
from runlore.server.live import Hub
from runlore.server.liveness import TIMEOUT_S, Liveness
from runlore.store.database import SqlDatabase
from runlore.store.meta.migrate import migrate
from runlore.store.meta.store import SqlMetaStore
from runlore.store.series.store import SqlSeriesStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runlore.server.folder import DataFolder

_log: Final = logging.getLogger(__name__)

_FOLD_PAUSE_S: Final = 1.0


class Service:
    """The stores and the rooms above them. Made by ``open_service``."""

    def __init__(self, folder: DataFolder, *, heartbeat_timeout_s: float = TIMEOUT_S) -> None:
        self.folder = folder
        self.database = SqlDatabase(folder.database_url)
        with self.database.write() as tx:
            migrate(tx.connection)
        self.meta = SqlMetaStore(self.database)
        self.series = SqlSeriesStore(self.database)
        self.hub = Hub()
        self.access = Access(self.database, self.meta)
        self.liveness = Liveness(self.database, self.meta, self.hub, timeout_s=heartbeat_timeout_s)
        self.committer = Committer(self.database, self.meta, self.series, self.hub, self.liveness)
        self.started_ns = time.time_ns()
        self._folding: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin the background work. Call inside the event loop."""
        self.hub.start()
        self.liveness.start()
        self.committer.start()
        self._folding = asyncio.get_running_loop().create_task(self._fold(), name="runlore-fold")

    async def stop(self) -> None:
        """Finish what was taken in, stop the background work, close the stores."""
        self.hub.close()
        await self.committer.close()
        if self._folding is not None:
            self._folding.cancel()
            await asyncio.gather(self._folding, return_exceptions=True)
        await self.liveness.close()

    async def _fold(self) -> None:
        """Merge tails into chunks beside the requests, for ever: long ones, and what is left when a run ends."""
        while True:
            try:
                rows = await asyncio.to_thread(self.series.fold, limit_rows=20_000)
                if ended := self.committer.take_ended():
                    rows += await asyncio.to_thread(self.series.fold, only=ended, force=True)
            except Exception:  # noqa: BLE001 - upkeep outlives any single fault of the disk; answers do not depend on it
                _log.exception("cannot fold points; trying again in %.0f s", 10 * _FOLD_PAUSE_S)
                await asyncio.sleep(10 * _FOLD_PAUSE_S)
                continue
            await asyncio.sleep(0.05 if rows else _FOLD_PAUSE_S)


@contextmanager
def open_service(folder: DataFolder, *, heartbeat_timeout_s: float = TIMEOUT_S) -> Iterator[Service]:
    """The service of a data folder; closed at the end of the block.

    Raises StoreError when the folder cannot be opened.
    """
    service = Service(folder, heartbeat_timeout_s=heartbeat_timeout_s)
    try:
        yield service
    finally:
        service.database.close()
