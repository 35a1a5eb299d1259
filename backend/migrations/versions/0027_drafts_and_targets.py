"""what the office prepares before it holds; targets and their values; who issued a code and who changed the rules

Revision ID: 0027
Revises: 0026

"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

# Two tables that are only added to.
GUARD = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION refuse_any_change();
CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_any_change();
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'qinghe_app') AND current_user <> 'qinghe_app' THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM qinghe_app;
    END IF;
END $$;
"""


def upgrade():
    moment = sa.DateTime(timezone=True)
    op.add_column("county_versions", sa.Column("made_by", sa.Text(), nullable=True))
    op.add_column("county_versions", sa.Column("reason", sa.Text(), nullable=True))
    op.add_column("binding_codes", sa.Column("made_by", sa.Text(), nullable=True))
    op.create_table(
        "drafts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("content_sealed", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.CheckConstraint("kind in ('roster','county')", name=op.f("ck_drafts_kind")),
        sa.CheckConstraint("state in ('open','used','dropped')", name=op.f("ck_drafts_state")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_drafts_person_id_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drafts")),
    )
    op.create_table(
        "targets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("better", sa.Text(), nullable=False),
        sa.Column("goal", sa.Numeric(14, 3), nullable=False),
        sa.Column("goal_on", sa.Date(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.CheckConstraint("better in ('higher','lower')", name=op.f("ck_targets_better")),
        sa.ForeignKeyConstraint(["unit_code"], ["units.code"], name=op.f("fk_targets_unit_code_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_targets")),
    )
    op.create_index("ix_targets_code", "targets", ["code", "id"])
    op.create_table(
        "target_values",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Uuid(), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("value", sa.Numeric(14, 3), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_target_values")),
    )
    op.create_index("ix_target_values_code_on", "target_values", ["code", "on", "id"])
    for table in ("targets", "target_values"):
        op.execute(GUARD.format(table=table))


def downgrade():
    op.drop_table("target_values")
    op.drop_table("targets")
    op.drop_table("drafts")
    op.drop_column("binding_codes", "made_by")
    op.drop_column("county_versions", "reason")
    op.drop_column("county_versions", "made_by")
