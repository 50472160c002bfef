"""The MetaStore as one object, put together from its rooms."""

from __future__ import annotations

from runlore.store.meta.access import SqlAccounts
from runlore.store.meta.console import SqlConsole
from runlore.store.meta.journals import SqlJournals
from runlore.store.meta.projects import SqlProjects
from runlore.store.meta.runs import SqlRuns


class SqlMetaStore(SqlAccounts, SqlProjects, SqlRuns, SqlJournals, SqlConsole):
    """The ``MetaStore`` contract on the database that is shared with the series."""
