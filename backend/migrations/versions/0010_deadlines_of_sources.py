"""deadlines of sources

Revision ID: 0010
Revises: 0009

"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("cases", sa.Column("rule_rectify_by", sa.DateTime(timezone=True), nullable=True))
    # No source had ordered anything: the first deadline was that of the rules.
    op.execute("UPDATE cases SET rule_rectify_by = first_rectify_by")


def downgrade():
    op.drop_column("cases", "rule_rectify_by")
