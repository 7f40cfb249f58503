"""Crawls at set times: one row for every planned fire time, and which runs belong to it"""

import sqlalchemy as sa
from alembic import op

revision = "0003_fires"
down_revision = "0002_looks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fires",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("fire_time", sa.DateTime(), nullable=False),
        sa.Column("requested", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=True),
        sa.Column("started_at", sa.DateTime(), nullable=True),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fires")),
        sa.UniqueConstraint("job", "fire_time", name=op.f("uq_fires_job_fire_time")),
    )
    # A plain added column with its key inline: the parent table of nearly everything is not rebuilt.
    op.add_column(
        "runs",
        sa.Column("fire_id", sa.Integer(), sa.ForeignKey("fires.id", name=op.f("fk_runs_fire_id")), nullable=True),
        inline_references=True,
    )
