"""Brings a database to the newest schema, by Alembic's revisions in ``migrations/``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from runlore.errors import DataFolderUnusable

if TYPE_CHECKING:
    from sqlalchemy import Connection


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    return config


def migrate(connection: Connection) -> None:
    """Create or upgrade all tables, those of the series too. Nothing happens when they are up to date.

    Raises DataFolderUnusable when the database was written by a newer version.
    """
    config = _config()
    scripts = ScriptDirectory.from_config(config)
    at = MigrationContext.configure(connection).get_current_revision()
    if at == scripts.get_current_head():
        return
    if at is not None and at not in {revision.revision for revision in scripts.walk_revisions()}:
        raise DataFolderUnusable(
            f"cannot open the database: its schema is {at!r}, which this version does not know; update runlore"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
