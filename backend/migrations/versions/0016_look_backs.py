"""look-backs, their draws, and how often a case came back

Revision ID: 0016
Revises: 0015

"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("cases", sa.Column("recurrences", sa.Integer(), server_default="0", nullable=False))
    op.execute(
        "UPDATE cases SET recurrences = n FROM (SELECT case_id, count(*) AS n FROM case_events"
        " WHERE action = 'fail_follow_up' GROUP BY case_id) AS failed WHERE failed.case_id = cases.id"
    )
    op.create_table(
        "follow_up_draws",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("at_least", sa.Integer(), nullable=False),
        sa.Column("numbers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("picked", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("county_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["unit_code"], ["units.code"], name=op.f("fk_follow_up_draws_unit_code_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_follow_up_draws")),
        sa.UniqueConstraint("month", "unit_code", name=op.f("uq_follow_up_draws_month_unit_code")),
    )
    op.create_table(
        "follow_ups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("county_version", sa.Integer(), nullable=False),
        sa.Column("draw_id", sa.Uuid(), nullable=True),
        sa.Column("inspector_id", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_seq", sa.Integer(), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("distance_m", sa.Double(), nullable=True),
        sa.Column("overdue_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("origin in ('rule','sample','dispute','office','own')", name=op.f("ck_follow_ups_origin")),
        sa.CheckConstraint("state in ('planned','passed','failed','superseded')", name=op.f("ck_follow_ups_state")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_follow_ups_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["draw_id"], ["follow_up_draws.id"], name=op.f("fk_follow_ups_draw_id_follow_up_draws")
        ),
        sa.ForeignKeyConstraint(["inspector_id"], ["persons.id"], name=op.f("fk_follow_ups_inspector_id_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_follow_ups")),
    )
    planned = sa.text("state = 'planned'")
    op.create_index("uq_follow_ups_planned", "follow_ups", ["case_id"], unique=True, postgresql_where=planned)
    op.create_index("ix_follow_ups_case_id", "follow_ups", ["case_id"])
    op.create_index("ix_follow_ups_due", "follow_ups", ["due_at", "id"], postgresql_where=planned)
    op.create_index("ix_follow_ups_state_due_at", "follow_ups", ["state", "due_at", "id"])
    op.create_index("ix_follow_ups_inspector_id_due_at", "follow_ups", ["inspector_id", "due_at", "id"])


def downgrade():
    op.drop_table("follow_ups")
    op.drop_table("follow_up_draws")
    op.drop_column("cases", "recurrences")
