"""The tables of the MetaStore. Times are ns since 1970; JSON documents are text, so that SQL can look into them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from runlore.store.tables import metadata

_KEY: Final = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts rows up only where the type is exactly INTEGER."""

entity: Final = Table(
    "entity",
    metadata,
    Column("id", _KEY, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("created_ns", BigInteger, nullable=False),
)

user: Final = Table(
    "user_account",
    metadata,
    Column("id", _KEY, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("entity_id", ForeignKey("entity.id"), nullable=False),
    Column("created_ns", BigInteger, nullable=False),
)

membership: Final = Table(
    "membership",
    metadata,
    Column("user_id", ForeignKey("user_account.id"), primary_key=True),
    Column("entity_id", ForeignKey("entity.id"), primary_key=True),
    Column("role", String(16), nullable=False),
)

api_key: Final = Table(
    "api_key",
    metadata,
    Column("id", _KEY, primary_key=True),
    Column("user_id", ForeignKey("user_account.id"), nullable=False, index=True),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("created_ns", BigInteger, nullable=False),
    Column("revoked_ns", BigInteger),
)

session: Final = Table(
    "session",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("user_id", ForeignKey("user_account.id"), nullable=False),
    Column("expires_ns", BigInteger, nullable=False),
)

link: Final = Table(
    "link",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("user_id", ForeignKey("user_account.id"), nullable=False),
    Column("expires_ns", BigInteger, nullable=False),
)

project: Final = Table(
    "project",
    metadata,
    Column("id", _KEY, primary_key=True),
    Column("entity_id", ForeignKey("entity.id"), nullable=False),
    Column("name", String(128), nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("last_ordinal", Integer, nullable=False),
    UniqueConstraint("entity_id", "name"),
)

run: Final = Table(
    "run",
    metadata,
    Column("key", _KEY, primary_key=True),
    Column("project_id", ForeignKey("project.id"), nullable=False),
    Column("id", String(64), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("live_state", String(16), nullable=False),
    Column("is_silent", Boolean, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("updated_ns", BigInteger, nullable=False),
    Column("finished_ns", BigInteger),
    Column("record_ns", BigInteger, nullable=False),
    Column("user", String(64), nullable=False),
    Column("notes", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("group", Text, nullable=False),
    Column("job_type", Text, nullable=False),
    Column("exit_code", BigInteger),
    Column("state_reason", Text, nullable=False),
    Column("last_step", BigInteger),
    Column("rows", BigInteger, nullable=False),
    Column("lost_rows", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("config", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("states", LargeBinary, nullable=False),
    Column("definitions", LargeBinary, nullable=False),
    UniqueConstraint("project_id", "id"),
    Index("ix_run_project_id_ordinal", "project_id", "ordinal"),
    Index("ix_run_state", "state"),
    Index("ix_run_project_id_created_ns", "project_id", "created_ns", "ordinal"),
)

run_segment: Final = Table(
    "run_segment",
    metadata,
    Column("segment", _KEY, primary_key=True),
    Column("run", ForeignKey("run.key"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("lo", BigInteger),
    Column("hi", BigInteger),
    UniqueConstraint("run", "position"),
)

run_metric: Final = Table(
    "run_metric",
    metadata,
    Column("run", ForeignKey("run.key"), primary_key=True),
    Column("stream", String(8), primary_key=True),
    Column("name", Text, primary_key=True),
    sqlite_with_rowid=False,
)

project_key: Final = Table(
    "project_key",
    metadata,
    Column("project_id", ForeignKey("project.id"), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("runs", Integer, nullable=False),
    sqlite_with_rowid=False,
)

run_key: Final = Table(
    "run_key",
    metadata,
    Column("id", _KEY, primary_key=True),
    Column("project_id", ForeignKey("project.id"), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("name", Text, nullable=False),
    UniqueConstraint("project_id", "kind", "name"),
)
"""The dotted paths that runs of a project have or had in their config and summary."""

run_kv: Final = Table(
    "run_kv",
    metadata,
    Column("key", _KEY, primary_key=True, autoincrement=False),
    Column("run", _KEY, primary_key=True, autoincrement=False),
    Column("type", SmallInteger, nullable=False),
    Column("number", Double),
    Column("text", Text),
    sqlite_with_rowid=False,
)
"""What runs have at these paths: an index of the documents, one path of all runs side by side. See ``cells.py``.

No foreign key on ``run``: it would make the deletion of a run look through the whole table.
"""

journal: Final = Table(
    "journal",
    metadata,
    Column("position", _KEY, primary_key=True),
    Column("writer", String(32), nullable=False, unique=True),
    Column("run", ForeignKey("run.key"), nullable=False, index=True),
    Column("offset", BigInteger, nullable=False),
    Column("role", String(16), nullable=False),
    Column("label", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("damaged_bytes", BigInteger, nullable=False),
    Column("record_ns", BigInteger, nullable=False),
    Column("seen_ns", BigInteger, nullable=False),
    Column("exit_ns", BigInteger),
    Column("exit_state", String(16), nullable=False),
    Column("exit_code", BigInteger),
    Column("exit_reason", Text, nullable=False),
)

writer_schema: Final = Table(
    "writer_schema",
    metadata,
    Column("writer", ForeignKey("journal.writer"), primary_key=True),
    Column("id", Integer, primary_key=True),
    Column("layout", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

console_chunk: Final = Table(
    "console_chunk",
    metadata,
    Column("position", _KEY, primary_key=True),
    Column("run", ForeignKey("run.key"), nullable=False),
    Column("writer", String(32), nullable=False),
    Column("stream", String(8), nullable=False),
    Column("first_line", BigInteger, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("ix_console_chunk_run_first_line", "run", "first_line"),
)

console_tail: Final = Table(
    "console_tail",
    metadata,
    Column("run", ForeignKey("run.key"), primary_key=True),
    Column("writer", String(32), primary_key=True),
    Column("stream", String(8), primary_key=True),
    Column("time_ns", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    Column("column", Integer, nullable=False),
    sqlite_with_rowid=False,
)

loss: Final = Table(
    "loss",
    metadata,
    Column("run", ForeignKey("run.key"), primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("rows", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("times", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
