"""months of assessment are frozen at their cut-off; what the scores are read from has indexes

Revision ID: 0024
Revises: 0023

"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade():
    moment = sa.DateTime(timezone=True)
    op.add_column("assessments", sa.Column("cut_off", moment, nullable=True))
    op.add_column("assessments", sa.Column("frozen_at", moment, nullable=True))
    # What was published so far held what was known at that moment.
    op.execute("UPDATE assessments SET cut_off = published_at, frozen_at = published_at")
    op.alter_column("assessments", "cut_off", nullable=False)
    op.alter_column("assessments", "frozen_at", nullable=False)
    op.alter_column("assessments", "published_at", nullable=True)
    op.alter_column("assessments", "published_by", nullable=True)
    op.create_index(
        "ix_case_events_scored_at",
        "case_events",
        ["action", "at"],
        postgresql_where=sa.text("action in ('rule','fail_follow_up','escalate_supervision')"),
    )
    op.create_index("ix_clocks_started_at", "clocks", ["started_at"])
    op.create_index("ix_reports_rated_at", "reports", ["rated_at"], postgresql_where=sa.text("rated_at is not null"))
    op.create_index("ix_supervisions_opened_at", "supervisions", ["opened_at"])


def downgrade():
    op.drop_index("ix_supervisions_opened_at", "supervisions")
    op.drop_index("ix_reports_rated_at", "reports")
    op.drop_index("ix_clocks_started_at", "clocks")
    op.drop_index("ix_case_events_scored_at", "case_events")
    op.execute("UPDATE assessments SET published_at = frozen_at, published_by = 'timer' WHERE published_at IS NULL")
    op.alter_column("assessments", "published_by", nullable=False)
    op.alter_column("assessments", "published_at", nullable=False)
    op.drop_column("assessments", "frozen_at")
    op.drop_column("assessments", "cut_off")
