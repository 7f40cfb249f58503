"""What the duplicate check stores: looks of frames, the evidence of a match, sharpness"""

import sqlalchemy as sa
from alembic import op

revision = "0002_looks"
down_revision = "0001_corpus"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "looks",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("view", sa.Integer(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.Column("grey", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name=op.f("fk_looks_image_id")),
        sa.PrimaryKeyConstraint("image_id", "view", name=op.f("pk_looks")),
    )
    # Plain added columns: the table is not rebuilt, and every row stays where it is.
    op.add_column("images", sa.Column("sharpness", sa.Double(), nullable=True))
    op.add_column("images", sa.Column("evidence", sa.JSON(), nullable=True))
