"""the ledger found and counted

Revision ID: 0002
Revises: 0001

"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Words are found by pairs of neighbouring characters: 排污口 → {排污, 污口}. Trigrams do not help two characters.
FUNCTIONS = """
CREATE FUNCTION search_text(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT lower(regexp_replace(normalize(words, NFKC), '\\s+', ' ', 'g'))
$$;

CREATE FUNCTION search_pairs(words text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT pair), '{}') FROM (
        SELECT sign || lead(sign) OVER (ORDER BY place) AS pair
        FROM unnest(string_to_array(search_text(words), NULL)) WITH ORDINALITY AS signs (sign, place)
    ) AS pairs WHERE pair IS NOT NULL AND position(' ' IN pair) = 0
$$;

CREATE FUNCTION refresh_case_words(wanted uuid) RETURNS void LANGUAGE plpgsql AS $$
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
        SELECT string_agg(s.forwarded_text, ' ') FROM supplements s WHERE s.report_id = r.id)), ' ')
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
END $$;

CREATE FUNCTION words_of_report() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refresh_case_words(NEW.case_id);
    IF TG_OP = 'UPDATE' AND OLD.case_id <> NEW.case_id THEN PERFORM refresh_case_words(OLD.case_id); END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER reports_words AFTER INSERT OR UPDATE OF case_id, address, text, forwarded_text, forward_released_at
    ON reports FOR EACH ROW EXECUTE FUNCTION words_of_report();

CREATE FUNCTION words_of_supplement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refresh_case_words(case_id) FROM reports WHERE id = NEW.report_id;
    RETURN NULL;
END $$;
CREATE TRIGGER supplements_words AFTER INSERT OR UPDATE ON supplements
    FOR EACH ROW EXECUTE FUNCTION words_of_supplement();

CREATE FUNCTION words_of_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refresh_case_words(NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER cases_words AFTER UPDATE ON cases FOR EACH ROW
    WHEN (OLD.reach IS DISTINCT FROM NEW.reach OR OLD.source_number IS DISTINCT FROM NEW.source_number)
    EXECUTE FUNCTION words_of_case();

CREATE FUNCTION due_of_case() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wanted uuid := CASE WHEN TG_OP = 'DELETE' THEN OLD.case_id ELSE NEW.case_id END;
    first_due timestamptz;
BEGIN
    SELECT min(due_at) INTO first_due FROM clocks WHERE case_id = wanted AND stopped_at IS NULL;
    UPDATE cases SET next_due_at = first_due WHERE id = wanted AND next_due_at IS DISTINCT FROM first_due;
    RETURN NULL;
END $$;
CREATE TRIGGER clocks_due AFTER INSERT OR DELETE OR UPDATE OF due_at, stopped_at ON clocks
    FOR EACH ROW EXECUTE FUNCTION due_of_case();

CREATE FUNCTION tally_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO case_tallies (lead_unit, state, n) VALUES (OLD.lead_unit, OLD.state, -1);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO case_tallies (lead_unit, state, n) VALUES (NEW.lead_unit, NEW.state, 1);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER cases_tally AFTER INSERT OR DELETE ON cases FOR EACH ROW EXECUTE FUNCTION tally_case();
CREATE TRIGGER cases_tally_moved AFTER UPDATE ON cases FOR EACH ROW
    WHEN (OLD.state <> NEW.state OR OLD.lead_unit IS DISTINCT FROM NEW.lead_unit) EXECUTE FUNCTION tally_case();

-- Events and uses of the ledger are append-only alike.
CREATE FUNCTION refuse_change_of_use() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'ledger_uses is append-only'; END $$;
CREATE TRIGGER ledger_uses_append_only BEFORE UPDATE OR DELETE ON ledger_uses
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_use();
CREATE TRIGGER ledger_uses_no_truncate BEFORE TRUNCATE ON ledger_uses
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_use();
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'qinghe_app') AND current_user <> 'qinghe_app' THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON ledger_uses FROM qinghe_app;
    END IF;
END $$;
"""

# What is on the ledger already.
FILL = """
INSERT INTO reach_names (code, name, river)
    SELECT reach->>'code', reach->>'name', reach->>'river'
    FROM (SELECT document FROM county_versions ORDER BY effective_on DESC, id DESC LIMIT 1) AS newest,
         jsonb_array_elements(document->'reaches') AS reach;
UPDATE cases SET
    updated_at = coalesce((SELECT max(at) FROM case_events WHERE case_id = cases.id), opened_at),
    next_due_at = (SELECT min(due_at) FROM clocks WHERE case_id = cases.id AND stopped_at IS NULL);
INSERT INTO case_tallies (lead_unit, state, n) SELECT lead_unit, state, count(*) FROM cases GROUP BY 1, 2;
SELECT refresh_case_words(id) FROM cases;
"""


def upgrade():
    op.create_table(
        "case_tallies",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("lead_unit", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_tallies")),
    )
    op.create_index("ix_case_tallies_unit_state", "case_tallies", ["lead_unit", "state"], postgresql_include=["n"])
    op.create_table(
        "ledger_uses",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_uses")),
    )
    op.create_index("ix_ledger_uses_at", "ledger_uses", ["at"])
    op.create_table(
        "reach_names",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("river", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_reach_names")),
    )
    op.create_table(
        "case_words",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("unit_text", sa.Text(), nullable=False),
        sa.Column("unit_pairs", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("office_text", sa.Text(), nullable=False),
        sa.Column("office_pairs", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_words_case_id_cases")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_case_words")),
    )
    for pairs in ("unit_pairs", "office_pairs"):
        op.create_index(f"ix_case_words_{pairs}", "case_words", [pairs], postgresql_using="gin")
    added = (
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("next_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source_number", sa.Text(), nullable=True),
        sa.Column("ordered_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("place_from", sa.Text(), server_default="given", nullable=False),
    )
    for column in added:
        op.add_column("cases", column)
    op.execute(FUNCTIONS)
    op.execute(FILL)
    op.create_index("ix_cases_category_id", "cases", ["category", "id"])
    op.create_index("ix_cases_reach_id", "cases", ["reach", "id"])
    op.create_index("ix_cases_source_id", "cases", ["source", "id"])
    op.create_index("ix_cases_urgent_id", "cases", ["id"], postgresql_where="urgent")
    op.create_index("ix_cases_opened_at_id", "cases", ["opened_at", "id"])
    op.create_index("ix_cases_closed_at_id", "cases", ["closed_at", "id"], postgresql_where="closed_at is not null")
    op.create_index("ix_cases_updated_at_id", "cases", ["updated_at", "id"])
    op.create_index(
        "ix_cases_next_due_at_id", "cases", ["next_due_at", "id"], postgresql_where="next_due_at is not null"
    )
    op.create_index("uq_cases_source_source_number", "cases", ["source", "source_number"], unique=True)
    op.create_index("ix_cases_source_number", "cases", ["source_number"], postgresql_where="source_number is not null")
    op.create_index(
        "ix_clocks_kind_due_at", "clocks", ["kind", "due_at", "case_id"], postgresql_where="stopped_at is null"
    )


def downgrade():
    op.drop_index("ix_clocks_kind_due_at", "clocks")
    for name in (
        "words_of_report",
        "words_of_supplement",
        "words_of_case",
        "due_of_case",
        "tally_case",
        "refuse_change_of_use",
    ):
        op.execute(f"DROP FUNCTION {name}() CASCADE")
    op.execute("DROP FUNCTION refresh_case_words(uuid), search_pairs(text), search_text(text)")
    for table in ("case_words", "reach_names", "ledger_uses", "case_tallies"):
        op.drop_table(table)
    for index in (
        "category_id",
        "reach_id",
        "source_id",
        "urgent_id",
        "opened_at_id",
        "closed_at_id",
        "updated_at_id",
        "next_due_at_id",
        "source_number",
    ):
        op.drop_index(f"ix_cases_{index}", "cases")
    op.drop_index("uq_cases_source_source_number", "cases")
    for name in ("place_from", "ordered_by", "source_number", "next_due_at", "updated_at"):
        op.drop_column("cases", name)
