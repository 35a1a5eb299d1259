"""orders of the 12345 hotline

Revision ID: 0025
Revises: 0024

"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


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


def downgrade():
    op.drop_table("hotline_orders")
    op.drop_column("cases", "sign_by")
