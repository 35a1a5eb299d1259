"""surges of reports on one township

Revision ID: 0030
Revises: 0029

"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "report_surges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("at_least", sa.Integer(), nullable=False),
        sa.Column("reports", sa.Integer(), nullable=False),
        sa.Column("anonymous", sa.Integer(), nullable=False),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column("county_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["unit_code"], ["units.code"], name="fk_report_surges_unit_code_units"),
        sa.PrimaryKeyConstraint("id", name="pk_report_surges"),
    )
    op.create_index("ix_report_surges_at", "report_surges", ["at"])
    op.create_index("ix_report_surges_unit_code", "report_surges", ["unit_code", "at"])


def downgrade():
    op.drop_table("report_surges")
