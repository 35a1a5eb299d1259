"""sessions, codes, passwords and the door's log of the county desk

Revision ID: 0023
Revises: 0021

"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "desk_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("role_id", sa.Uuid(), nullable=True),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("browser", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("how in ('scan','password')", name=op.f("ck_desk_sessions_how")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_desk_sessions_person_id_persons")),
        sa.ForeignKeyConstraint(["role_id"], ["roster_roles.id"], name=op.f("fk_desk_sessions_role_id_roster_roles")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_desk_sessions_token_hash")),
    )
    op.create_index("ix_desk_sessions_person_id", "desk_sessions", ["person_id", "id"])
    op.create_table(
        "desk_scans",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code_digest", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("check_digits", sa.Text(), nullable=False),
        sa.Column("browser", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("role_id", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_desk_scans_person_id_persons")),
        sa.ForeignKeyConstraint(["role_id"], ["roster_roles.id"], name=op.f("fk_desk_scans_role_id_roster_roles")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_scans")),
        sa.UniqueConstraint("code_digest", name=op.f("uq_desk_scans_code_digest")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_desk_scans_secret_hash")),
    )
    op.create_index("ix_desk_scans_expires_at", "desk_scans", ["expires_at"])
    op.create_table(
        "desk_passwords",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("totp_sealed", sa.Text(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_desk_passwords_person_id_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_passwords")),
        sa.UniqueConstraint("person_id", name=op.f("uq_desk_passwords_person_id")),
    )
    op.create_table(
        "desk_views",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_desk_views_person_id_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_views")),
        sa.UniqueConstraint("person_id", "name", name=op.f("uq_desk_views_person_id_name")),
    )
    op.create_table(
        "desk_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("browser", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_desk_entries_person_id_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_entries")),
    )
    op.create_index("ix_desk_entries_person_id", "desk_entries", ["person_id", "id"])
    op.execute(
        """
        CREATE FUNCTION refuse_change_of_desk_entries() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;
        CREATE TRIGGER desk_entries_append_only BEFORE UPDATE OR DELETE ON desk_entries
            FOR EACH ROW EXECUTE FUNCTION refuse_change_of_desk_entries();
        CREATE TRIGGER desk_entries_no_truncate BEFORE TRUNCATE ON desk_entries
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_desk_entries();
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'qinghe_app') AND current_user <> 'qinghe_app' THEN
                REVOKE UPDATE, DELETE, TRUNCATE ON desk_entries FROM qinghe_app;
            END IF;
        END $$;
        """
    )


def downgrade():
    for table in ("desk_entries", "desk_views", "desk_passwords", "desk_scans", "desk_sessions"):
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_change_of_desk_entries()")
