"""extensions, proposed rejections, and the side of the reporter

Revision ID: 0019
Revises: 0018

"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


# Units find a supplement by its words once they may read it.
CASE_WORDS = """
CREATE OR REPLACE FUNCTION refresh_case_words(wanted uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    common text;
    for_units text;
    for_office text;
BEGIN
    -- Whoever adds words to one case waits here, and then sees what the one before has added.
    PERFORM FROM case_words WHERE case_id = wanted FOR UPDATE;
    SELECT concat_ws(' ',
        'QH-' || to_char(opened_at AT TIME ZONE 'UTC', 'YYYY')
            || '-' || lpad(serial::text, greatest(6, length(serial::text)), '0'),
        source_number, reach_names.name, reach_names.river)
    INTO common FROM cases LEFT JOIN reach_names ON reach_names.code = cases.reach WHERE cases.id = wanted;
    IF NOT FOUND THEN RETURN; END IF;
    SELECT concat_ws(' ', common, string_agg(concat_ws(' ', address, forwarded_text, (
        SELECT string_agg(s.forwarded_text, ' ') FROM supplements s WHERE s.report_id = r.id{released})), ' ')
        FILTER (WHERE forward_released_at IS NOT NULL))
    INTO for_units FROM reports r WHERE case_id = wanted;
    SELECT concat_ws(' ', common, string_agg(concat_ws(' ', address, text, NULLIF(forwarded_text, text), (
        SELECT string_agg(s.text, ' ') FROM supplements s WHERE s.report_id = r.id)), ' '))
    INTO for_office FROM reports r WHERE case_id = wanted;
    INSERT INTO case_words (case_id, unit_text, unit_pairs, office_text, office_pairs)
    VALUES (wanted, search_text(for_units), search_pairs(for_units), search_text(for_office), search_pairs(for_office))
    ON CONFLICT (case_id) DO UPDATE SET
        unit_text = excluded.unit_text, unit_pairs = excluded.unit_pairs,
        office_text = excluded.office_text, office_pairs = excluded.office_pairs;
END $$
"""

# The case that each report opened: that of the first merge that moved it, or where it hangs.
ORIGINS = """
UPDATE reports SET origin_case_id = coalesce((
    SELECT case_id FROM case_events
    WHERE action = 'merge' AND data->'reports' @> to_jsonb(reports.id::text) ORDER BY id LIMIT 1), case_id)
"""
# Until now a dispute and an appeal counted for all reports of the case.
ONCE = """
UPDATE reports SET {column} = (
    SELECT max(at) FROM case_events WHERE case_id = reports.case_id AND action = '{action}')
"""


def upgrade():
    for name in ("rejection_proposed_at", "rejection_declined_at"):
        op.add_column("assignments", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "extensions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("due_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wished_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("granted_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("county_version", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "state in ('open','granted','refused','withdrawn','lapsed')", name=op.f("ck_extensions_state")
        ),
        sa.CheckConstraint(
            "(state = 'granted') = (granted_until is not null)", name=op.f("ck_extensions_granted_until")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_extensions_case_id_cases")),
        sa.ForeignKeyConstraint(["unit_code"], ["units.code"], name=op.f("fk_extensions_unit_code_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_extensions")),
    )
    op.create_index("ix_extensions_case_id", "extensions", ["case_id"])
    op.create_index("ix_extensions_state_id", "extensions", ["state", "id"])
    op.create_index(
        "uq_extensions_open", "extensions", ["case_id"], unique=True, postgresql_where=sa.text("state = 'open'")
    )

    op.add_column("reports", sa.Column("origin_case_id", sa.Uuid(), nullable=True))
    for column, action in (("appealed_at", "appeal"), ("disputed_at", "dispute")):
        op.add_column("reports", sa.Column(column, sa.DateTime(timezone=True), nullable=True))
        op.execute(ONCE.format(column=column, action=action))
    op.execute(ORIGINS)
    op.alter_column("reports", "origin_case_id", nullable=False)
    op.create_foreign_key(op.f("fk_reports_origin_case_id_cases"), "reports", "cases", ["origin_case_id"], ["id"])

    op.add_column("supplements", sa.Column("released_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE supplements SET released_at = created_at")
    op.execute(CASE_WORDS.format(released=" AND s.released_at IS NOT NULL"))
    op.add_column("photos", sa.Column("supplement_id", sa.Uuid(), nullable=True))
    op.create_index("ix_photos_supplement_id", "photos", ["supplement_id"])
    op.create_foreign_key(
        op.f("fk_photos_supplement_id_supplements"), "photos", "supplements", ["supplement_id"], ["id"]
    )


def downgrade():
    op.drop_column("photos", "supplement_id")
    op.execute(CASE_WORDS.format(released=""))
    op.drop_column("supplements", "released_at")
    for column in ("disputed_at", "appealed_at", "origin_case_id"):
        op.drop_column("reports", column)
    op.drop_table("extensions")
    for name in ("rejection_declined_at", "rejection_proposed_at"):
        op.drop_column("assignments", name)
