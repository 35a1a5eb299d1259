"""an index that no query can use is dropped

A stretch of a clock belongs to the month in which it was decided, the later of its beginning and its end: no order of
beginnings helps to find it. Over 100,000 cases the assessment read it not once; every new clock kept it up.

Revision ID: 0031
Revises: 0030

"""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade():
    op.drop_index("ix_clocks_started_at", "clocks")


def downgrade():
    op.create_index("ix_clocks_started_at", "clocks", ["started_at"])
