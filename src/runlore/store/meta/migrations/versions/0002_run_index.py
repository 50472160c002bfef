"""An index of what runs have in config and summary, filled from the documents; and one for the newest runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runlore.store.meta.run_index import Change, index

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_RUNS_AT_ONCE = 500


def upgrade() -> None:
    """Create and fill it."""
    op.create_table(
        "run_key",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("project_id", _KEY, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_run_key_project_id_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_key")),
        sa.UniqueConstraint("project_id", "kind", "name", name=op.f("uq_run_key_project_id_kind_name")),
    )
    op.create_table(
        "run_kv",
        sa.Column("key", _KEY, autoincrement=False, nullable=False),
        sa.Column("run", _KEY, autoincrement=False, nullable=False),
        sa.Column("type", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.Double(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("key", "run", name=op.f("pk_run_kv")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_run_project_id_created_ns", "run", ["project_id", "created_ns", "ordinal"], unique=False)
    connection = op.get_bind()
    run = sa.table("run", *(sa.column(name) for name in ("key", "project_id", "config", "summary")))
    last = 0
    while rows := connection.execute(
        sa.select(run).where(run.c.key > last).order_by(run.c.key).limit(_RUNS_AT_ONCE)
    ).all():
        configs = [Change(row.project_id, row.key, "config", "{}", row.config) for row in rows]
        summaries = [Change(row.project_id, row.key, "summary", "{}", row.summary) for row in rows]
        index(connection, configs + summaries, counts=False)
        last = rows[-1].key


def downgrade() -> None:
    """Remove them."""
    op.drop_index("ix_run_project_id_created_ns", table_name="run")
    op.drop_table("run_kv")
    op.drop_table("run_key")
