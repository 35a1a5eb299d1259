"""reminders of patrol duties sent by hand, only ever added to

Revision ID: 0026
Revises: 0025

"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "duty_reminders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("role_id", sa.Uuid(), nullable=False),
        sa.Column("per", sa.Text(), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("needed", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("by_role", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["role_id"], ["roster_roles.id"], name=op.f("fk_duty_reminders_role_id_roster_roles")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_reminders")),
    )
    op.create_index("ix_duty_reminders_role_id_sent_at", "duty_reminders", ["role_id", "sent_at"])
    op.execute(
        """
        CREATE FUNCTION refuse_change_of_duty_reminders() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;
        CREATE TRIGGER duty_reminders_append_only BEFORE UPDATE OR DELETE ON duty_reminders
            FOR EACH ROW EXECUTE FUNCTION refuse_change_of_duty_reminders();
        CREATE TRIGGER duty_reminders_no_truncate BEFORE TRUNCATE ON duty_reminders
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_duty_reminders();
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'qinghe_app') AND current_user <> 'qinghe_app' THEN
                REVOKE UPDATE, DELETE, TRUNCATE ON duty_reminders FROM qinghe_app;
            END IF;
        END $$;
        """
    )


def downgrade():
    op.drop_table("duty_reminders")
    op.execute("DROP FUNCTION refuse_change_of_duty_reminders()")
