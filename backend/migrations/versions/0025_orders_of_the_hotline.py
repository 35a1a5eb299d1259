"""orders of the 12345 hotline, and what it was answered

Revision ID: 0025
Revises: 0024

"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

GUARD = """
CREATE TRIGGER order_answers_append_only BEFORE UPDATE OR DELETE ON order_answers
    FOR EACH ROW EXECUTE FUNCTION refuse_any_change();
CREATE TRIGGER order_answers_no_truncate BEFORE TRUNCATE ON order_answers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_any_change();
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'qinghe_app') AND current_user <> 'qinghe_app' THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON order_answers FROM qinghe_app;
    END IF;
END $$;
"""


def upgrade():
    op.add_column("cases", sa.Column("sign_by", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "hotline_orders",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sign_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer_by", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_hotline_orders_case_id_cases")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_hotline_orders")),
        sa.UniqueConstraint("number", name=op.f("uq_hotline_orders_number")),
    )
    op.create_table(
        "answer_files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("columns", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("corrections", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_answer_files_person_id_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer_files")),
    )
    op.create_table(
        "order_answers",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["answer_files.id"], name=op.f("fk_order_answers_file_id_answer_files")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["hotline_orders.case_id"], name=op.f("fk_order_answers_case_id_hotline_orders")
        ),
        sa.ForeignKeyConstraint(["event_id"], ["case_events.id"], name=op.f("fk_order_answers_event_id_case_events")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_answers")),
        sa.UniqueConstraint("case_id", "seq", name=op.f("uq_order_answers_case_id_seq")),
    )
    op.create_index("ix_order_answers_file_id_id", "order_answers", ["file_id", "id"])
    op.execute(GUARD)


def downgrade():
    op.drop_table("order_answers")
    op.drop_table("answer_files")
    op.drop_table("hotline_orders")
    op.drop_column("cases", "sign_by")
