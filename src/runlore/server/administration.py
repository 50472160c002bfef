"""Users and API keys of a data folder, from the command line; works while a server has the folder open."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runlore.errors import Conflict
from runlore.protocol import ids
from runlore.server.access import Access
from runlore.server.folder import DataFolder
from runlore.server.owner import owner_of
from runlore.store.database import SqlDatabase
from runlore.store.meta.migrate import migrate
from runlore.store.meta.store import SqlMetaStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runlore.store.base import KeyInfo, UserInfo


class Administration:
    """What the owner of a data folder may do with its users."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database
        self._meta = SqlMetaStore(database)
        self._access = Access(database, self._meta)

    def new_user(self, name: str) -> str:
        """Add a user with an entity of that name; returns their API key, which is told only here.

        Raises UsageError for a name that is none, Conflict when it is taken.
        """
        return self._access.add_user(ids.check_entity(name))

    def users(self) -> list[UserInfo]:
        """All users, by name."""
        return self._meta.users()

    def new_key(self, name: str) -> tuple[int, str]:
        """A further API key of a user, with its id. Raises Conflict when there is no such user."""
        return self._access.add_key(name)

    def keys(self) -> list[KeyInfo]:
        """All API keys, the oldest first."""
        return self._meta.keys()

    def revoke_key(self, number: int) -> None:
        """Make an API key useless; a running server knows within two seconds. Raises Conflict when there is none."""
        with self._database.write() as tx:
            if not self._meta.revoke_key(tx, number, now_ns=time.time_ns()):
                raise Conflict(f"cannot revoke API key {number}: there is no such key (runlore key ls)")

    def new_link(self, name: str = "") -> str:
        """Token of a one-time link for a user, the owner by default. Raises Conflict when there is no such user."""
        return self._access.add_link(name or min(self._meta.users(), key=lambda user: user.id).name)


@contextmanager
def open_administration(path: Path) -> Iterator[Administration]:
    """The administration of the data folder at a path, made where it is missing.

    Raises StoreError when it cannot be opened.
    """
    folder = DataFolder(path)
    database = SqlDatabase(folder.database_url)
    try:
        with database.write() as tx:
            migrate(tx.connection)
        meta = SqlMetaStore(database)
        if not meta.users():
            owner_of(Access(database, meta), meta, folder)
        yield Administration(database)
    finally:
        database.close()
