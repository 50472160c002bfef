"""The embedded SQL database: one SQLite file, many readers, one writer, durable commits.

Owns connections and the meaning of their faults; knows no table. Every connection runs in WAL mode with
``synchronous=FULL``: a commit that returned survives a power loss, and readers see the last commit without waiting.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import QueuePool

from runlore.errors import StorageFailed, StorageFull, UsageError
from runlore.store.patterns import matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

    from runlore.store.base import Transaction

BUSY_TIMEOUT_S: Final = 30.0
"""How long a statement waits for another process that holds the write lock."""

PAGE_BYTES: Final = 8192
"""Roll-up records fit into a quarter of it, and what a long blob leaves unused of its last page is half as much."""

CACHE_KIB: Final = 8_192
"""Page cache of a connection."""

JOURNAL_LIMIT_BYTES: Final = 64 << 20
"""Size to which the write-ahead log shrinks after a checkpoint."""

_READERS_KEPT: Final = 8
_READERS_BEYOND: Final = 56

_OF_FILE: Final = (
    f"PRAGMA page_size = {PAGE_BYTES}",  # takes effect before the file has a page
    "PRAGMA auto_vacuum = INCREMENTAL",  # likewise: deletion must be able to give space back
    "PRAGMA journal_mode = WAL",
)
"""Kept in the file. They take its write lock, so they are set once, when it is made."""

_OF_CONNECTION: Final = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    f"PRAGMA cache_size = -{CACHE_KIB}",
    f"PRAGMA journal_size_limit = {JOURNAL_LIMIT_BYTES}",
)

_WRITE_OPTION: Final = "runlore_write"


class SqlTransaction:
    """A writing transaction. ``connection`` is the SQLAlchemy connection that every statement of it runs on."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._after: list[Callable[[], None]] = []

    def after_commit(self, action: Callable[[], None]) -> None:
        """Have ``action`` called once the commit is durable; never when the transaction is rolled back."""
        self._after.append(action)

    def committed(self) -> None:
        """Run what waits for the commit. For the database that committed it."""
        for action in self._after:
            action()


class SqlDatabase:
    """A SQLite database file, as ``Database`` promises.

    url: ``sqlite:////absolute/path``; the folder must exist. Threads share it freely. Raises UsageError for another
    kind of database, StorageFailed when the file cannot be opened or is no database, StorageFull without room for it.
    """

    def __init__(self, url: str) -> None:
        if not url.startswith("sqlite:///") or url in {"sqlite:///", "sqlite:///:memory:"}:
            raise UsageError(
                f"cannot open database {url!r}: only SQLite files are supported; use sqlite:////path/to/file"
            )
        self._url = url
        self._writing = threading.Lock()
        self._writer: int | None = None
        self.engine: Engine = create_engine(
            url,
            poolclass=QueuePool,
            pool_size=_READERS_KEPT,
            max_overflow=_READERS_BEYOND,
            connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
        )
        event.listen(self.engine, "connect", _prepare)
        event.listen(self.engine, "begin", _begin)
        with self._faults("open"), self.engine.connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            if raw.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                _run(raw, _OF_FILE)

    @contextmanager
    def write(self) -> Iterator[SqlTransaction]:
        """The writing transaction; waits for the one before it. Commits at the end, rolls back when the block raises.

        Raises StorageFull and StorageFailed, RuntimeError when this thread has one open already.
        """
        if self._writer == threading.get_ident():
            raise RuntimeError("cannot open a transaction inside a transaction of the same thread")
        with self._writing:
            self._writer = threading.get_ident()
            try:
                with self._faults("write to"), self.engine.connect() as connection:
                    writing = connection.execution_options(**{_WRITE_OPTION: True})
                    with writing.begin():
                        transaction = SqlTransaction(writing)
                        yield transaction
            finally:
                self._writer = None
        transaction.committed()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection whose statements all see the same committed state, that of the first of them.

        Raises StorageFailed.
        """
        with self._faults("read"), self.engine.connect() as connection, connection.begin():
            yield connection

    def transaction(self, tx: Transaction) -> SqlTransaction:
        """A transaction that ``write`` opened, as what it is. Raises TypeError when it is of another backend."""
        if not isinstance(tx, SqlTransaction):
            raise TypeError(f"cannot use {type(tx).__name__} here: a transaction of SqlDatabase.write is needed")
        return tx

    def connection(self, tx: Transaction) -> Connection:
        """The connection of a transaction that ``write`` opened. Raises TypeError when it is of another backend."""
        return self.transaction(tx).connection

    def close(self) -> None:
        """Close every connection that is not in use. Safe to call twice."""
        self.engine.dispose()

    @contextmanager
    def _faults(self, action: str) -> Iterator[None]:
        """Turn the driver's faults into ours. A broken constraint stays what it is: the store that made it knows why."""
        try:
            yield
        except IntegrityError:
            raise
        except DBAPIError as error:
            where = f"cannot {action} the database {self._url.removeprefix('sqlite:///')}: {error.orig}"
            if _is_full(error.orig):
                raise StorageFull(f"{where}; free some space on its disk, nothing of this write was kept") from error
            if isinstance(error.orig, sqlite3.OperationalError | sqlite3.DatabaseError) and not isinstance(
                error.orig, sqlite3.ProgrammingError
            ):
                raise StorageFailed(f"{where}; check the disk and who else uses the file") from error
            raise


def _is_full(fault: BaseException | None) -> bool:
    return getattr(fault, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Settings of a new connection. Transactions are begun by ``_begin``, never by the driver on its own."""
    raw: Any = connection
    raw.isolation_level = None
    raw.create_function("regexp", 2, matches, deterministic=True)
    _run(raw, _OF_CONNECTION)


def _run(raw: Any, statements: Iterable[str]) -> None:
    cursor = raw.cursor()
    try:
        for statement in statements:
            cursor.execute(statement)
    finally:
        cursor.close()


def _begin(connection: Connection) -> None:
    """A writer takes the write lock at once, so that it can never fail half-way for want of it."""
    immediate = connection.get_execution_options().get(_WRITE_OPTION, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
