"""How the MetaStore's rooms get at a connection: inside a transaction, or for reading only."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from runlore.store.database import SqlTransaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from runlore.store.base import Transaction
    from runlore.store.database import SqlDatabase


class SqlRoom:
    """What every room of the MetaStore stands on: the database that it shares with the other stores."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    @contextmanager
    def _reading(self, tx: Transaction | None = None) -> Iterator[Connection]:
        """The transaction's connection, or one for reading."""
        if tx is not None:
            yield self._writing(tx)
            return
        with self._database.read() as connection:
            yield connection

    @staticmethod
    def _writing(tx: Transaction) -> Connection:
        assert isinstance(tx, SqlTransaction)
        return tx.connection
