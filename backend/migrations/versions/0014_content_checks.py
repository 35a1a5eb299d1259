"""content checks, and the type a photo was declared to be

Revision ID: 0014
Revises: 0013

"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade():
    for table in ("photos", "reports"):
        op.add_column(table, sa.Column("content_check", sa.Text(), nullable=False, server_default="missing"))
        op.add_column(table, sa.Column("content_label", sa.Integer(), nullable=True))
    op.add_column("photos", sa.Column("content_type", sa.Text(), nullable=True))
    op.add_column("photos", sa.Column("content_trace_id", sa.Text(), nullable=True))
    op.create_index("ix_photos_content_trace_id", "photos", ["content_trace_id"])


def downgrade():
    op.drop_index("ix_photos_content_trace_id", table_name="photos")
    for column in ("content_trace_id", "content_type", "content_label", "content_check"):
        op.drop_column("photos", column)
    for column in ("content_label", "content_check"):
        op.drop_column("reports", column)
