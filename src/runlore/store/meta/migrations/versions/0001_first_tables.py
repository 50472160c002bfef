"""All tables of the first version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "block_counter",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("next_block", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_block_counter")),
    )
    op.create_table(
        "entity",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entity")),
        sa.UniqueConstraint("name", name=op.f("uq_entity_name")),
    )
    op.create_table(
        "history_object",
        sa.Column("segment", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("arrival", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("time_ns", sa.BigInteger(), nullable=False),
        sa.Column("json", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("segment", "key", "step", "arrival", name=op.f("pk_history_object")),
    )
    op.create_table(
        "metric_block",
        sa.Column("id", _KEY, autoincrement=False, nullable=False),
        sa.Column("segment", sa.BigInteger(), nullable=False),
        sa.Column("refs", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metric_block")),
    )
    op.create_index(op.f("ix_metric_block_segment"), "metric_block", ["segment"], unique=False)
    op.create_table(
        "metric_chunk",
        sa.Column("segment", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("s0", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("s1", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("axis", sa.BigInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("levels", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("segment", "key", "s0", name=op.f("pk_metric_chunk")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "metric_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("stream", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metric_key")),
        sa.UniqueConstraint("stream", "name", name=op.f("uq_metric_key_stream_name")),
    )
    op.create_table(
        "metric_level",
        sa.Column("segment", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("s0", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("segment", "key", "level", "s0", name=op.f("pk_metric_level")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "metric_superseded",
        sa.Column("segment", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("batch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("segment", "key", "batch", name=op.f("pk_metric_superseded")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "metric_tail",
        sa.Column("segment", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("batch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("segment", "batch", name=op.f("pk_metric_tail")),
    )
    op.create_table(
        "segment_tail",
        sa.Column("segment", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_batch", sa.BigInteger(), nullable=False),
        sa.Column("next_batch", sa.BigInteger(), nullable=False),
        sa.Column("next_object", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("folds", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("segment", name=op.f("pk_segment_tail")),
    )
    op.create_table(
        "project",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("entity_id", _KEY, nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("last_ordinal", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entity.id"], name=op.f("fk_project_entity_id_entity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
        sa.UniqueConstraint("entity_id", "name", name=op.f("uq_project_entity_id_name")),
    )
    op.create_table(
        "user_account",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("entity_id", _KEY, nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entity.id"], name=op.f("fk_user_account_entity_id_entity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("name", name=op.f("uq_user_account_name")),
    )
    op.create_table(
        "api_key",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("user_id", _KEY, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("revoked_ns", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_api_key_user_id_user_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_key_digest")),
    )
    op.create_index(op.f("ix_api_key_user_id"), "api_key", ["user_id"], unique=False)
    op.create_table(
        "link",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("user_id", _KEY, nullable=False),
        sa.Column("expires_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_link_user_id_user_account")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_link")),
    )
    op.create_table(
        "membership",
        sa.Column("user_id", _KEY, nullable=False),
        sa.Column("entity_id", _KEY, nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entity.id"], name=op.f("fk_membership_entity_id_entity")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_membership_user_id_user_account")),
        sa.PrimaryKeyConstraint("user_id", "entity_id", name=op.f("pk_membership")),
    )
    op.create_table(
        "project_key",
        sa.Column("project_id", _KEY, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_project_key_project_id_project")),
        sa.PrimaryKeyConstraint("project_id", "kind", "name", name=op.f("pk_project_key")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run",
        sa.Column("key", _KEY, nullable=False),
        sa.Column("project_id", _KEY, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("live_state", sa.String(length=16), nullable=False),
        sa.Column("is_silent", sa.Boolean(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("updated_ns", sa.BigInteger(), nullable=False),
        sa.Column("finished_ns", sa.BigInteger(), nullable=True),
        sa.Column("record_ns", sa.BigInteger(), nullable=False),
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("group", sa.Text(), nullable=False),
        sa.Column("job_type", sa.Text(), nullable=False),
        sa.Column("exit_code", sa.BigInteger(), nullable=True),
        sa.Column("state_reason", sa.Text(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("lost_rows", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("states", sa.LargeBinary(), nullable=False),
        sa.Column("definitions", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_run_project_id_project")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_run")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_run_project_id_id")),
    )
    op.create_index("ix_run_project_id_ordinal", "run", ["project_id", "ordinal"], unique=False)
    op.create_index("ix_run_state", "run", ["state"], unique=False)
    op.create_table(
        "session",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("user_id", _KEY, nullable=False),
        sa.Column("expires_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_session_user_id_user_account")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_session")),
    )
    op.create_table(
        "console_chunk",
        sa.Column("position", _KEY, nullable=False),
        sa.Column("run", _KEY, nullable=False),
        sa.Column("writer", sa.String(length=32), nullable=False),
        sa.Column("stream", sa.String(length=8), nullable=False),
        sa.Column("first_line", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.key"], name=op.f("fk_console_chunk_run_run")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_console_chunk")),
    )
    op.create_index("ix_console_chunk_run_first_line", "console_chunk", ["run", "first_line"], unique=False)
    op.create_table(
        "console_tail",
        sa.Column("run", _KEY, nullable=False),
        sa.Column("writer", sa.String(length=32), nullable=False),
        sa.Column("stream", sa.String(length=8), nullable=False),
        sa.Column("time_ns", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("column", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.key"], name=op.f("fk_console_tail_run_run")),
        sa.PrimaryKeyConstraint("run", "writer", "stream", name=op.f("pk_console_tail")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "journal",
        sa.Column("position", _KEY, nullable=False),
        sa.Column("writer", sa.String(length=32), nullable=False),
        sa.Column("run", _KEY, nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("damaged_bytes", sa.BigInteger(), nullable=False),
        sa.Column("record_ns", sa.BigInteger(), nullable=False),
        sa.Column("seen_ns", sa.BigInteger(), nullable=False),
        sa.Column("exit_ns", sa.BigInteger(), nullable=True),
        sa.Column("exit_state", sa.String(length=16), nullable=False),
        sa.Column("exit_code", sa.BigInteger(), nullable=True),
        sa.Column("exit_reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.key"], name=op.f("fk_journal_run_run")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_journal")),
        sa.UniqueConstraint("writer", name=op.f("uq_journal_writer")),
    )
    op.create_index(op.f("ix_journal_run"), "journal", ["run"], unique=False)
    op.create_table(
        "loss",
        sa.Column("run", _KEY, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.key"], name=op.f("fk_loss_run_run")),
        sa.PrimaryKeyConstraint("run", "reason", name=op.f("pk_loss")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run_metric",
        sa.Column("run", _KEY, nullable=False),
        sa.Column("stream", sa.String(length=8), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.key"], name=op.f("fk_run_metric_run_run")),
        sa.PrimaryKeyConstraint("run", "stream", "name", name=op.f("pk_run_metric")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run_segment",
        sa.Column("segment", _KEY, nullable=False),
        sa.Column("run", _KEY, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("lo", sa.BigInteger(), nullable=True),
        sa.Column("hi", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["run"], ["run.key"], name=op.f("fk_run_segment_run_run")),
        sa.PrimaryKeyConstraint("segment", name=op.f("pk_run_segment")),
        sa.UniqueConstraint("run", "position", name=op.f("uq_run_segment_run_position")),
    )
    op.create_table(
        "writer_schema",
        sa.Column("writer", sa.String(length=32), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("layout", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["writer"], ["journal.writer"], name=op.f("fk_writer_schema_writer_journal")),
        sa.PrimaryKeyConstraint("writer", "id", name=op.f("pk_writer_schema")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("writer_schema")
    op.drop_table("run_segment")
    op.drop_table("run_metric")
    op.drop_table("loss")
    op.drop_index(op.f("ix_journal_run"), table_name="journal")
    op.drop_table("journal")
    op.drop_table("console_tail")
    op.drop_index("ix_console_chunk_run_first_line", table_name="console_chunk")
    op.drop_table("console_chunk")
    op.drop_table("session")
    op.drop_index("ix_run_state", table_name="run")
    op.drop_index("ix_run_project_id_ordinal", table_name="run")
    op.drop_table("run")
    op.drop_table("project_key")
    op.drop_table("membership")
    op.drop_table("link")
    op.drop_index(op.f("ix_api_key_user_id"), table_name="api_key")
    op.drop_table("api_key")
    op.drop_table("user_account")
    op.drop_table("project")
    op.drop_table("segment_tail")
    op.drop_table("metric_tail")
    op.drop_table("metric_superseded")
    op.drop_table("metric_level")
    op.drop_table("metric_key")
    op.drop_table("metric_chunk")
    op.drop_index(op.f("ix_metric_block_segment"), table_name="metric_block")
    op.drop_table("metric_block")
    op.drop_table("history_object")
    op.drop_table("entity")
    op.drop_table("block_counter")
