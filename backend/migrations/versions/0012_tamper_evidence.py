"""tamper evidence: roots of the ledger, words bound to it, looks at identities, what nobody may change

Revision ID: 0012
Revises: 0011

"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# One function for all tables to which rows can only be added.
GUARDS = """
CREATE FUNCTION refuse_any_change() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;
"""
GUARD = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION refuse_any_change();
CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_any_change();
"""
# Words of people are erased for good, with their salt, or stay as they are.
ERASED_ONLY = """
CREATE FUNCTION refuse_all_but_erasure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR OLD.erased_at IS NOT NULL OR NEW.erased_at IS NULL
        OR NEW.text IS NOT NULL OR NEW.salt IS NOT NULL OR NEW.id <> OLD.id OR NEW.case_id <> OLD.case_id
        OR NEW.report_id IS DISTINCT FROM OLD.report_id
    THEN RAISE EXCEPTION 'personal_texts can only be erased'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER personal_texts_erased_only BEFORE UPDATE OR DELETE ON personal_texts
    FOR EACH ROW EXECUTE FUNCTION refuse_all_but_erasure();
CREATE TRIGGER personal_texts_no_truncate BEFORE TRUNCATE ON personal_texts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_any_change();
"""
# A report and its supplements are somebody's words: erased, perhaps, but never put differently.
WORDS = """
CREATE FUNCTION refuse_other_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL AND NEW.salt IS NULL THEN RETURN NEW; END IF;
    RAISE EXCEPTION 'words in % can only be erased', TG_TABLE_NAME;
END $$;
CREATE TRIGGER reports_words_stay BEFORE UPDATE ON reports FOR EACH ROW
    WHEN ((OLD.text, OLD.address, OLD.salt, OLD.erased_at, OLD.observed_at, OLD.submitted_at)
        IS DISTINCT FROM (NEW.text, NEW.address, NEW.salt, NEW.erased_at, NEW.observed_at, NEW.submitted_at))
    EXECUTE FUNCTION refuse_other_words();
CREATE TRIGGER supplements_words_stay BEFORE UPDATE ON supplements FOR EACH ROW
    WHEN ((OLD.report_id, OLD.text, OLD.salt, OLD.erased_at)
        IS DISTINCT FROM (NEW.report_id, NEW.text, NEW.salt, NEW.erased_at))
    EXECUTE FUNCTION refuse_other_words();
"""
# Nothing that was reported is ever struck off by the application, so its role needs no right to.
RIGHTS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'qinghe_app') AND current_user <> 'qinghe_app' THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON ledger_roots, ledger_heads, identity_looks FROM qinghe_app;
        REVOKE DELETE, TRUNCATE ON cases, reports, supplements, personal_texts FROM qinghe_app;
    END IF;
END $$;
"""


def upgrade():
    op.create_table(
        "ledger_roots",
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("n", name=op.f("pk_ledger_roots")),
    )
    op.create_table(
        "ledger_heads",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("root", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("head", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["root"], ["ledger_roots.n"], name=op.f("fk_ledger_heads_root_ledger_roots")),
        sa.PrimaryKeyConstraint("case_id", "root", name=op.f("pk_ledger_heads")),
    )
    op.create_index(op.f("ix_ledger_heads_root"), "ledger_heads", ["root"])
    for table in ("reports", "supplements"):
        op.add_column(table, sa.Column("salt", sa.Text(), nullable=True))
        op.add_column(table, sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("personal_texts", sa.Column("report_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_personal_texts_report_id_reports"), "personal_texts", "reports", ["report_id"], ["id"]
    )
    op.create_index(op.f("ix_personal_texts_report_id"), "personal_texts", ["report_id"])
    op.create_table(
        "identity_looks",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_identity_looks_person_id_persons")),
        sa.ForeignKeyConstraint(["report_id"], ["reports.id"], name=op.f("fk_identity_looks_report_id_reports")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_looks")),
    )
    op.create_index(op.f("ix_identity_looks_report_id"), "identity_looks", ["report_id"])
    op.execute(GUARDS)
    for table in ("ledger_roots", "ledger_heads", "identity_looks"):
        op.execute(GUARD.format(table=table))
    for sql in (ERASED_ONLY, WORDS, RIGHTS):
        op.execute(sql)


def downgrade():
    for name in ("refuse_other_words", "refuse_all_but_erasure", "refuse_any_change"):
        op.execute(f"DROP FUNCTION {name}() CASCADE")
    op.drop_table("identity_looks")
    op.drop_index(op.f("ix_personal_texts_report_id"), "personal_texts")
    op.drop_column("personal_texts", "report_id")
    for table in ("supplements", "reports"):
        op.drop_column(table, "erased_at")
        op.drop_column(table, "salt")
    op.drop_table("ledger_heads")
    op.drop_table("ledger_roots")
