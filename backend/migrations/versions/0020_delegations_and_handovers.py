"""delegations and handovers

Revision ID: 0015
Revises: 0014

"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("assignments", sa.Column("handler_id", sa.Uuid(), nullable=True))
    op.create_index("ix_assignments_handler_id", "assignments", ["handler_id"])
    op.create_foreign_key(op.f("fk_assignments_handler_id_persons"), "assignments", "persons", ["handler_id"], ["id"])
    op.create_table(
        "delegations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("deputy_id", sa.Uuid(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.CheckConstraint("from_on <= to_on", name=op.f("ck_delegations_days")),
        sa.CheckConstraint("person_id <> deputy_id", name=op.f("ck_delegations_two_people")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_delegations_person_id_persons")),
        sa.ForeignKeyConstraint(["deputy_id"], ["persons.id"], name=op.f("fk_delegations_deputy_id_persons")),
        sa.ForeignKeyConstraint(["unit_code"], ["units.code"], name=op.f("fk_delegations_unit_code_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegations")),
    )
    running = sa.text("ended_at is null")
    op.create_index("ix_delegations_person_id", "delegations", ["person_id"], postgresql_where=running)
    op.create_index("ix_delegations_deputy_id", "delegations", ["deputy_id"], postgresql_where=running)
    op.create_index("ix_delegations_unit_code_id", "delegations", ["unit_code", "id"])
    op.create_table(
        "handovers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("from_person", sa.Uuid(), nullable=True),
        sa.Column("to_person", sa.Uuid(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("from_unit", sa.Text(), nullable=False),
        sa.Column("to_unit", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["from_person"], ["persons.id"], name=op.f("fk_handovers_from_person_persons")),
        sa.ForeignKeyConstraint(["to_person"], ["persons.id"], name=op.f("fk_handovers_to_person_persons")),
        sa.ForeignKeyConstraint(["from_unit"], ["units.code"], name=op.f("fk_handovers_from_unit_units")),
        sa.ForeignKeyConstraint(["to_unit"], ["units.code"], name=op.f("fk_handovers_to_unit_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handovers")),
    )
    op.create_index("ix_handovers_from_unit", "handovers", ["from_unit"])
    op.create_index("ix_handovers_to_unit", "handovers", ["to_unit"])


def downgrade():
    op.drop_table("handovers")
    op.drop_table("delegations")
    op.drop_column("assignments", "handler_id")
