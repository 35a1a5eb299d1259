"""assisting units acknowledge

Revision ID: 0004
Revises: 0003

"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("assignments", sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True))
    # A unit that was named twice for one case keeps the older of its open assignments.
    op.execute(
        "UPDATE assignments AS twice SET ended_at = now(), ended_by = 'named twice' FROM assignments AS first "
        "WHERE twice.case_id = first.case_id AND twice.unit_code = first.unit_code AND twice.ended_at IS NULL "
        "AND first.ended_at IS NULL AND twice.part = 'assist' AND (first.part = 'lead' OR first.id < twice.id)"
    )
    op.create_index(
        "uq_assignments_open_unit",
        "assignments",
        ["case_id", "unit_code"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )


def downgrade():
    op.drop_index("uq_assignments_open_unit", "assignments", postgresql_where=sa.text("ended_at is null"))
    op.drop_column("assignments", "acknowledged_at")
