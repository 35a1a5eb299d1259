"""who takes a case over has days of its own

Revision ID: 0028
Revises: 0027

"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("clocks", sa.Column("own_by", sa.DateTime(timezone=True), nullable=True))


def downgrade():
    op.drop_column("clocks", "own_by")
