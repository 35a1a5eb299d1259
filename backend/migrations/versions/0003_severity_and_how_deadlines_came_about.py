"""severity, and how deadlines came about

Revision ID: 0003
Revises: 0002

"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# A right to refuse that has lapsed makes no case overdue.
DUE_OF_CASE = """
CREATE OR REPLACE FUNCTION due_of_case() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wanted uuid := CASE WHEN TG_OP = 'DELETE' THEN OLD.case_id ELSE NEW.case_id END;
    first_due timestamptz;
BEGIN
    SELECT min(due_at) INTO first_due FROM clocks WHERE case_id = wanted AND stopped_at IS NULL{kinds};
    UPDATE cases SET next_due_at = first_due WHERE id = wanted AND next_due_at IS DISTINCT FROM first_due;
    RETURN NULL;
END $$
"""
REFILL = """
UPDATE cases SET next_due_at =
    (SELECT min(due_at) FROM clocks WHERE case_id = cases.id AND stopped_at IS NULL{kinds})
"""


def upgrade():
    op.add_column("cases", sa.Column("severity", sa.Text(), nullable=False, server_default="normal"))
    for name in ("in_hours", "provisional"):
        op.add_column("clocks", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("clocks", sa.Column("days", sa.Integer(), nullable=True))
    op.add_column("clocks", sa.Column("since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("clocks", sa.Column("set_by", sa.Text(), nullable=True))
    op.add_column("clocks", sa.Column("next_push_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("clocks", sa.Column("push_version", sa.Integer(), nullable=True))
    op.create_index(
        "ix_clocks_next_push_at", "clocks", ["next_push_at"], postgresql_where=sa.text("stopped_at is null")
    )
    for sql in (DUE_OF_CASE, REFILL):
        op.execute(sql.format(kinds=" AND kind <> 'refuse'"))
    # Clocks that were running before counted in hours exactly where the case is urgent.
    op.execute("UPDATE clocks SET in_hours = true FROM cases WHERE cases.id = clocks.case_id AND cases.urgent")


def downgrade():
    for sql in (DUE_OF_CASE, REFILL):
        op.execute(sql.format(kinds=""))
    op.drop_index("ix_clocks_next_push_at", "clocks", postgresql_where=sa.text("stopped_at is null"))
    for name in ("push_version", "next_push_at", "set_by", "since", "days", "provisional", "in_hours"):
        op.drop_column("clocks", name)
    op.drop_column("cases", "severity")
