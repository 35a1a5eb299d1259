"""reminders and supervision, and clocks found by the county version under which they were planned

Revision ID: 0008
Revises: 0007

"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade():
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "reminders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("clock_id", sa.Uuid(), nullable=True),
        sa.Column("clock_kind", sa.Text(), nullable=True),
        sa.Column("due_at", moment, nullable=True),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("to_unit", sa.Text(), nullable=False),
        sa.Column("to_role", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("by_role", sa.Text(), nullable=False),
        sa.Column("county_version", sa.Integer(), nullable=False),
        sa.Column("sent_at", moment, nullable=True),
        sa.Column("skipped_at", moment, nullable=True),
        sa.Column("reply_seq", sa.Integer(), nullable=True),
        sa.Column("replied_at", moment, nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_reminders_case_id_cases")),
        sa.ForeignKeyConstraint(["clock_id"], ["clocks.id"], name=op.f("fk_reminders_clock_id_clocks")),
        sa.ForeignKeyConstraint(["to_unit"], ["units.code"], name=op.f("fk_reminders_to_unit_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminders")),
        sa.UniqueConstraint(
            "clock_id",
            "due_at",
            "step",
            "to_unit",
            "to_role",
            name=op.f("uq_reminders_clock_id_due_at_step_to_unit_to_role"),
        ),
    )
    op.create_index("ix_reminders_case_id_id", "reminders", ["case_id", "id"])
    op.create_index("ix_reminders_to_unit_to_role_id", "reminders", ["to_unit", "to_role", "id"])
    op.create_index(
        "ix_clocks_push_version", "clocks", ["push_version"], postgresql_where=sa.text("stopped_at is null")
    )
    op.create_table(
        "supervisions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("by_role", sa.Text(), nullable=False),
        sa.Column("opened_at", moment, nullable=False),
        sa.Column("reply_by", moment, nullable=False),
        sa.Column("escalated_at", moment, nullable=True),
        sa.Column("ended_at", moment, nullable=True),
        sa.Column("ended_how", sa.Text(), nullable=True),
        sa.Column("county_version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "stage in ('awaiting_reply','replied','accepted','ended')", name=op.f("ck_supervisions_stage")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_supervisions_case_id_cases")),
        sa.ForeignKeyConstraint(["unit_code"], ["units.code"], name=op.f("fk_supervisions_unit_code_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supervisions")),
        sa.UniqueConstraint("year", "serial", name=op.f("uq_supervisions_year_serial")),
    )
    for first in ("case_id", "unit_code", "stage"):
        op.create_index(f"ix_supervisions_{first}_id", "supervisions", [first, "id"])
    op.create_index(
        "uq_supervisions_open",
        "supervisions",
        ["case_id", "unit_code"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_table(
        "supervision_replies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("supervision_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("photos", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("decided_at", moment, nullable=True),
        sa.Column("decision_seq", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["supervision_id"], ["supervisions.id"], name=op.f("fk_supervision_replies_supervision_id_supervisions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supervision_replies")),
        sa.UniqueConstraint("supervision_id", "seq", name=op.f("uq_supervision_replies_supervision_id_seq")),
    )


def downgrade():
    op.drop_table("supervision_replies")
    op.drop_table("supervisions")
    op.drop_index("ix_clocks_push_version", "clocks", postgresql_where=sa.text("stopped_at is null"))
    op.drop_table("reminders")
