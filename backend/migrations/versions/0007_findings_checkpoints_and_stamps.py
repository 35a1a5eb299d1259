"""findings, checkpoints and stamps

Revision ID: 0007
Revises: 0006

"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade():
    moment = sa.DateTime(timezone=True)
    listed = postgresql.JSONB(astext_type=sa.Text())
    op.create_table(
        "findings",
        sa.Column("patrol_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("received_at", moment, nullable=False),
        sa.Column("observed_at", moment, nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("coord_type", sa.Text(), nullable=False),
        sa.Column("accuracy_m", sa.Float(), nullable=True),
        sa.Column("practice", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=True),
        sa.Column("claims_settled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("photos_after", listed, nullable=False),
        sa.Column("done", sa.Text(), server_default="", nullable=False),
        sa.Column("settled_at", moment, nullable=True),
        sa.Column("not_settled_because", sa.Text(), nullable=True),
        sa.Column("sampled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("verified_at", moment, nullable=True),
        sa.Column("verified_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["patrol_id"], ["patrols.id"], name=op.f("fk_findings_patrol_id_patrols")),
        sa.ForeignKeyConstraint(["report_id"], ["reports.id"], name=op.f("fk_findings_report_id_reports")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_findings_case_id_cases")),
        sa.PrimaryKeyConstraint("patrol_id", "id", name=op.f("pk_findings")),
    )
    op.create_index("ix_findings_case_id", "findings", ["case_id"])
    op.create_index(
        "ix_findings_settled_at", "findings", ["settled_at", "id"],
        postgresql_where=sa.text("settled_at is not null"),
    )  # fmt: skip
    op.create_table(
        "checkpoint_visits",
        sa.Column("patrol_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("checkpoint", sa.Text(), nullable=False),
        sa.Column("reach", sa.Text(), nullable=True),
        sa.Column("at", moment, nullable=False),
        sa.Column("received_at", moment, nullable=False),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("accuracy_m", sa.Float(), nullable=True),
        sa.Column("distance_m", sa.Float(), nullable=True),
        sa.Column("reached", sa.Boolean(), nullable=False),
        sa.Column("by", sa.Text(), nullable=True),
        sa.Column("why_not", sa.Text(), nullable=True),
        sa.Column("county_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["patrol_id"], ["patrols.id"], name=op.f("fk_checkpoint_visits_patrol_id_patrols")),
        sa.PrimaryKeyConstraint("patrol_id", "id", name=op.f("pk_checkpoint_visits")),
    )
    op.execute("""
        CREATE TRIGGER checkpoint_visits_append_only BEFORE UPDATE OR DELETE ON checkpoint_visits
        FOR EACH ROW EXECUTE FUNCTION refuse_change_of_record()
    """)
    op.add_column("patrols", sa.Column("doubts", sa.Integer(), server_default="0", nullable=False))
    op.add_column("photos", sa.Column("stamped", listed, nullable=True))


def downgrade():
    op.drop_column("photos", "stamped")
    op.drop_column("patrols", "doubts")
    op.drop_table("checkpoint_visits")
    op.drop_table("findings")
