"""when a row of deferred work was last tried

Revision ID: 0029
Revises: 0028

"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("deferred", sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True))


def downgrade():
    op.drop_column("deferred", "tried_at")
