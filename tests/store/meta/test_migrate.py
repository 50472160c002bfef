from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from runlore.errors import DataFolderUnusable
from runlore.store.database import SqlDatabase
from runlore.store.meta import schema as meta_schema
from runlore.store.meta.migrate import migrate
from runlore.store.meta.store import SqlMetaStore
from runlore.store.series import schema as series_schema
from runlore.store.tables import metadata

if TYPE_CHECKING:
    from pathlib import Path

TABLES = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name != 'alembic_version' ORDER BY name"


def words(sql: str) -> list[str]:
    """The parts of a CREATE statement, whatever the order of its lines."""
    return sorted("".join(part.split()).strip("()") for part in sql.split(","))


def test_migrations_make_the_tables_that_the_code_expects(tmp_path: Path) -> None:
    assert meta_schema.run.metadata is series_schema.metric_key.metadata is metadata
    migrated = SqlDatabase(f"sqlite:///{tmp_path / 'migrated.sqlite'}")
    with migrated.write() as tx:
        migrate(tx.connection)
    with migrated.read() as connection:
        found = {name: words(sql) for name, sql in connection.execute(text(TABLES))}
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    made = SqlDatabase(f"sqlite:///{tmp_path / 'made.sqlite'}")
    with made.write() as tx:
        metadata.create_all(tx.connection)
    with made.read() as connection:
        expected = {name: words(sql) for name, sql in connection.execute(text(TABLES))}
    migrated.close()
    made.close()
    assert found == expected


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    database = SqlDatabase(f"sqlite:///{tmp_path / 'meta.sqlite'}")
    for _ in range(2):
        with database.write() as tx:
            migrate(tx.connection)
    with database.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM alembic_version")) == 1
    database.close()


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    database = SqlDatabase(f"sqlite:///{tmp_path / 'meta.sqlite'}")
    with database.write() as tx:
        migrate(tx.connection)
        tx.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DataFolderUnusable, match="9999"), database.write() as tx:
        migrate(tx.connection)
    database.close()


def test_the_index_of_runs_is_filled_from_their_documents(tmp_path: Path) -> None:
    database = SqlDatabase(f"sqlite:///{tmp_path / 'meta.sqlite'}")
    store = SqlMetaStore(database)
    with database.write() as tx:
        migrate(tx.connection)
    with database.write() as tx:
        store.add_user(tx, "ann", now_ns=1)
        project = store.open_project(tx, "ann", "p", now_ns=1)
        keys = [store.open_run(tx, project, f"r{n}", user="ann", name="n", now_ns=1)[0] for n in range(600)]
        runs = store.runs_by_key(keys, tx)
        for number, key in enumerate(keys):
            runs[key].config, runs[key].summary = {"o": {"n": number}}, {"loss": -number, "word": "x"}
        store.save_runs(tx, list(runs.values()))
    cells = (
        "SELECT kind, name, run, type, number, text FROM run_kv JOIN run_key ON id = key ORDER BY kind, name, run",
        "SELECT * FROM project_key ORDER BY kind, name",
    )
    with database.read() as connection:
        before = [connection.execute(text(statement)).all() for statement in cells]
    with database.write() as tx:
        for statement in (
            "DROP TABLE run_kv",
            "DROP TABLE run_key",
            "DROP INDEX ix_run_project_id_created_ns",
            "UPDATE alembic_version SET version_num = '0001'",
        ):
            tx.connection.execute(text(statement))
    with database.write() as tx:
        migrate(tx.connection)
    with database.read() as connection:
        assert [connection.execute(text(statement)).all() for statement in cells] == before
    database.close()
