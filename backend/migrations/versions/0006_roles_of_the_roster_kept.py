"""roles of the roster kept, each time they are held

Revision ID: 0006
Revises: 0005

"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_COLUMNS = ["person_id", "role", "unit_code"]


def upgrade():
    op.drop_constraint("uq_roster_roles_person_id_role_unit_code", "roster_roles", type_="unique")
    op.create_index(
        "uq_roster_roles_in_force", "roster_roles", _COLUMNS, unique=True, postgresql_where=sa.text("ended_at is null")
    )


def downgrade():
    # Fails where somebody has taken an office up again: which of the rows would be the lost one?
    op.drop_index("uq_roster_roles_in_force", "roster_roles", postgresql_where=sa.text("ended_at is null"))
    op.create_unique_constraint("uq_roster_roles_person_id_role_unit_code", "roster_roles", _COLUMNS)
