"""the register of risk sources, inspections, plans of intakes and their measures

Revision ID: 0017
Revises: 0016

"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# The register begins with what the newest county has, from the day on from which that county counts.
FILL = """
INSERT INTO risk_source_versions (code, effective_on, recorded_at, recorded_by, origin, reason, name, kind, status,
    unit_code, reach, near_m, lon, lat)
SELECT source->>'code', newest.effective_on, newest.loaded_at, 'file', 'file', '县配置文件导入', source->>'name',
    source->>'kind', coalesce(source->>'status', 'watched'), source->>'unit', source->>'reach',
    (source->>'near_m')::double precision, (source->'geometry'->'coordinates'->>0)::double precision,
    (source->'geometry'->'coordinates'->>1)::double precision
FROM (SELECT * FROM county_versions ORDER BY effective_on DESC, id DESC LIMIT 1) AS newest,
    jsonb_array_elements(newest.document->'risk_sources') AS source;
INSERT INTO risk_source_events (code, at, kind, actor, role, data)
SELECT code, recorded_at, 'registered', 'file', 'file',
    jsonb_build_object('version', id, 'effective_on', effective_on, 'reason', reason)
FROM risk_source_versions ORDER BY id;
"""

APPEND_ONLY = """
CREATE FUNCTION refuse_change_of_register() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;
CREATE TRIGGER risk_source_versions_append_only BEFORE UPDATE OR DELETE ON risk_source_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_register();
CREATE TRIGGER risk_source_versions_no_truncate BEFORE TRUNCATE ON risk_source_versions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_register();
CREATE TRIGGER risk_source_events_append_only BEFORE UPDATE OR DELETE ON risk_source_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_register();
CREATE TRIGGER risk_source_events_no_truncate BEFORE TRUNCATE ON risk_source_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_register();
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'qinghe_app') AND current_user <> 'qinghe_app' THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON risk_source_versions, risk_source_events FROM qinghe_app;
    END IF;
END $$;
"""


def upgrade():
    op.create_table(
        "risk_source_versions",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("reach", sa.Text(), nullable=True),
        sa.Column("near_m", sa.Double(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.CheckConstraint(
            "kind in ('outfall','sand_pit','water_intake','plant')", name=op.f("ck_risk_source_versions_kind")
        ),
        sa.CheckConstraint("status in ('watched','closed')", name=op.f("ck_risk_source_versions_status")),
        sa.CheckConstraint("origin in ('file','office')", name=op.f("ck_risk_source_versions_origin")),
        sa.ForeignKeyConstraint(["unit_code"], ["units.code"], name=op.f("fk_risk_source_versions_unit_code_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_source_versions")),
    )
    op.create_index("ix_risk_source_versions_code", "risk_source_versions", ["code", "effective_on", "id"])
    op.create_table(
        "risk_source_events",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_source_events")),
    )
    op.create_index("ix_risk_source_events_code", "risk_source_events", ["code", "id"])
    op.create_table(
        "inspections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("distance_m", sa.Double(), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("result in ('normal','problem')", name=op.f("ck_inspections_result")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_inspections_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspections")),
    )
    op.create_index("ix_inspections_code_at", "inspections", ["code", "at"])
    op.create_table(
        "risk_source_alerts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("at_least", sa.Integer(), nullable=False),
        sa.Column("cases", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("county_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_source_alerts")),
    )
    op.create_index("ix_risk_source_alerts_code", "risk_source_alerts", ["code", "id"])
    op.create_table(
        "intake_plans",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("responsible", sa.Text(), nullable=False),
        sa.Column("responsible_unit", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["responsible_unit"], ["units.code"], name=op.f("fk_intake_plans_responsible_unit_units")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake_plans")),
    )
    op.create_index("ix_intake_plans_code", "intake_plans", ["code", "id"])
    op.create_table(
        "measures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.Text(), nullable=True),
        sa.Column("done_words", sa.Text(), nullable=True),
        sa.Column("overdue_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('open','done','dropped')", name=op.f("ck_measures_state")),
        sa.ForeignKeyConstraint(["unit_code"], ["units.code"], name=op.f("fk_measures_unit_code_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_measures")),
    )
    op.create_index("ix_measures_code", "measures", ["code"])
    op.create_index("ix_measures_state_due_on", "measures", ["state", "due_on", "id"])
    op.create_index("ix_measures_unit_code_state_due_on", "measures", ["unit_code", "state", "due_on", "id"])
    for column, table in (("inspection_id", "inspections"), ("measure_id", "measures")):
        op.add_column("photos", sa.Column(column, sa.Uuid(), nullable=True))
        op.create_foreign_key(op.f(f"fk_photos_{column}_{table}"), "photos", table, [column], ["id"])
        op.create_index(f"ix_photos_{column}", "photos", [column])
    op.create_index(
        "ix_cases_risk_source_id", "cases", ["risk_source", "id"], postgresql_where=sa.text("risk_source is not null")
    )
    op.execute(APPEND_ONLY)
    op.execute(FILL)


def downgrade():
    op.drop_index("ix_cases_risk_source_id", "cases", postgresql_where=sa.text("risk_source is not null"))
    for column in ("inspection_id", "measure_id"):
        op.drop_column("photos", column)
    for table in (
        "measures",
        "intake_plans",
        "risk_source_alerts",
        "inspections",
        "risk_source_events",
        "risk_source_versions",
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_change_of_register()")
