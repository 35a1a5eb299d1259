"""emergencies and the units that they call

Revision ID: 0011
Revises: 0010

"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade():
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "emergencies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=True),
        sa.Column("plan_name", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("by_role", sa.Text(), nullable=False),
        sa.Column("declared_at", moment, nullable=False),
        sa.Column("stood_down_at", moment, nullable=True),
        sa.Column("stood_down_how", sa.Text(), nullable=True),
        sa.Column("county_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_emergencies_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_emergencies")),
    )
    op.create_index("ix_emergencies_case_id_id", "emergencies", ["case_id", "id"])
    op.create_index(
        "uq_emergencies_running",
        "emergencies",
        ["case_id"],
        unique=True,
        postgresql_where=sa.text("stood_down_at is null"),
    )
    op.create_table(
        "dispatches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("emergency_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("duty", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("called_at", moment, nullable=False),
        sa.Column("due_at", moment, nullable=False),
        sa.Column("acknowledged_at", moment, nullable=True),
        sa.Column("climbed_to", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["emergency_id"], ["emergencies.id"], name=op.f("fk_dispatches_emergency_id_emergencies")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_dispatches_case_id_cases")),
        sa.ForeignKeyConstraint(["unit_code"], ["units.code"], name=op.f("fk_dispatches_unit_code_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispatches")),
        sa.UniqueConstraint("emergency_id", "unit_code", name=op.f("uq_dispatches_emergency_id_unit_code")),
    )
    op.create_index("ix_dispatches_case_id", "dispatches", ["case_id"])


def downgrade():
    op.drop_table("dispatches")
    op.drop_table("emergencies")
