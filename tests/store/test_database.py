from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest

from runlore.errors import StorageFailed, StorageFull, UsageError
from runlore.store.database import SqlDatabase
from runlore.store.memory import MemoryTransaction

if TYPE_CHECKING:
    from pathlib import Path


def opened(folder: Path) -> SqlDatabase:
    database = SqlDatabase(f"sqlite:///{folder / 'runlore.db'}")
    with database.write() as tx:
        tx.connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS kept (value, data)")
    return database


def put(database: SqlDatabase, value: int, data: bytes = b"") -> None:
    with database.write() as tx:
        tx.connection.exec_driver_sql("INSERT INTO kept VALUES (?, ?)", (value, data))


def kept(database: SqlDatabase) -> list[int]:
    with database.read() as connection:
        return list(connection.exec_driver_sql("SELECT value FROM kept ORDER BY value").scalars())


def test_commits_are_durable_and_readers_do_not_wait(tmp_path: Path) -> None:
    database = opened(tmp_path)
    with database.read() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "page_size", "auto_vacuum")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "page_size": 8192, "auto_vacuum": 2}
    database.close()


def test_a_block_that_raises_leaves_no_trace(tmp_path: Path) -> None:
    database = opened(tmp_path)
    told: list[str] = []

    def fail() -> None:
        with database.write() as tx:
            tx.after_commit(lambda: told.append("committed"))
            tx.connection.exec_driver_sql("INSERT INTO kept VALUES (1, NULL)")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail()
    assert kept(database) == []
    assert told == []
    put(database, 2)
    assert kept(database) == [2]
    database.close()


def test_actions_run_once_the_commit_is_seen_by_others(tmp_path: Path) -> None:
    database = opened(tmp_path)
    seen: list[list[int]] = []
    with database.write() as tx:
        tx.after_commit(lambda: seen.append(kept(database)))
        tx.connection.exec_driver_sql("INSERT INTO kept VALUES (1, NULL)")
    assert seen == [[1]]
    database.close()


def test_a_reader_sees_one_state_throughout(tmp_path: Path) -> None:
    database = opened(tmp_path)
    put(database, 1)
    with database.read() as connection:
        count = "SELECT count(*) FROM kept"
        before = connection.exec_driver_sql(count).scalar()
        put(database, 2)
        assert connection.exec_driver_sql(count).scalar() == before == 1
    assert kept(database) == [1, 2]
    database.close()


def test_writers_take_turns(tmp_path: Path) -> None:
    database = opened(tmp_path)

    def write(first: int) -> None:
        for value in range(first, first + 20):
            put(database, value)

    writers = [threading.Thread(target=write, args=(at * 20,)) for at in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert kept(database) == list(range(80))
    database.close()


def test_a_transaction_inside_another_is_refused_rather_than_waited_for(tmp_path: Path) -> None:
    database = opened(tmp_path)
    with database.write(), pytest.raises(RuntimeError, match="inside a transaction"):
        put(database, 1)
    put(database, 2)
    assert kept(database) == [2]
    database.close()


def test_a_full_disk_keeps_nothing_of_the_write_and_all_from_before(tmp_path: Path) -> None:
    database = opened(tmp_path)
    put(database, 1)

    def overflow() -> None:
        with database.write() as tx:
            tx.connection.exec_driver_sql("PRAGMA max_page_count = 1")
            tx.connection.exec_driver_sql("INSERT INTO kept VALUES (2, ?)", (bytes(10**6),))

    with pytest.raises(StorageFull, match="free some space"):
        overflow()
    assert kept(database) == [1]
    database.close()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "runlore.db").write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(StorageFailed, match=r"runlore\.db"):
        SqlDatabase(f"sqlite:///{tmp_path / 'runlore.db'}")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="absent"):
        SqlDatabase(f"sqlite:///{tmp_path / 'absent' / 'runlore.db'}")


@pytest.mark.parametrize("url", ["postgresql://host/db", "sqlite://", "sqlite:///:memory:", "runlore.db"])
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="only SQLite files"):
        SqlDatabase(url)


def test_a_foreign_transaction_is_refused(tmp_path: Path) -> None:
    database = opened(tmp_path)
    with pytest.raises(TypeError, match="MemoryTransaction"):
        database.connection(MemoryTransaction())
    database.close()


def test_another_program_that_holds_the_lock_is_waited_for(tmp_path: Path) -> None:
    database = opened(tmp_path)
    other = sqlite3.connect(tmp_path / "runlore.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.2, lambda: other.execute("COMMIT"))
    release.start()
    put(database, 1)
    release.join()
    other.close()
    assert kept(database) == [1]
    database.close()


def test_closing_twice_is_fine(tmp_path: Path) -> None:
    database = opened(tmp_path)
    database.close()
    database.close()
