"""monthly assessments

Revision ID: 0013
Revises: 0012

"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Scores are append-only by the database: a correction is another row.
GUARD = """
CREATE FUNCTION refuse_change_of_score() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;
CREATE TRIGGER assessment_scores_append_only BEFORE UPDATE OR DELETE ON assessment_scores
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_score();
CREATE TRIGGER assessment_scores_no_truncate BEFORE TRUNCATE ON assessment_scores
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_score();
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'qinghe_app') AND current_user <> 'qinghe_app' THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON assessment_scores FROM qinghe_app;
    END IF;
END $$;
"""


def upgrade():
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "assessments",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("county_version", sa.Integer(), nullable=False),
        sa.Column("published_at", moment, nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_assessments")),
    )
    op.create_table(
        "assessment_scores",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parts", postgresql.JSONB(), nullable=False),
        sa.Column("total", sa.Float(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("county_version", sa.Integer(), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["month"], ["assessments.month"], name=op.f("fk_assessment_scores_month_assessments")),
        sa.ForeignKeyConstraint(["unit_code"], ["units.code"], name=op.f("fk_assessment_scores_unit_code_units")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_assessment_scores_person_id_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment_scores")),
        sa.UniqueConstraint("month", "subject", "seq", name=op.f("uq_assessment_scores_month_subject_seq")),
    )
    op.create_index("ix_assessment_scores_subject_month", "assessment_scores", ["subject", "month"])
    op.execute(GUARD)


def downgrade():
    op.drop_table("assessment_scores")
    op.drop_table("assessments")
    op.execute("DROP FUNCTION refuse_change_of_score")
