"""Rebuilding: what a task was planned with, and the shorts of a manifest that are opened again"""

import sqlalchemy as sa
from alembic import op

revision = "0004_revisits"
down_revision = "0003_fires"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A plain added column; of tasks from before it nobody knows what they began with.
    op.add_column("tasks", sa.Column("planned", sa.Integer(), nullable=True))
    op.create_table(
        "revisits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("platform_id", sa.String(), nullable=True),
        sa.Column("expected", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("cause", sa.String(), nullable=True),
        sa.Column("distance", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_revisits_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revisits")),
        sa.UniqueConstraint("run_id", "position", name=op.f("uq_revisits_run_id_position")),
    )
    op.create_index(op.f("ix_revisits_platform_id"), "revisits", ["platform_id"])
