"""patrols and their tracks

Revision ID: 0005
Revises: 0004

"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# What the phone sent, and what happened to a patrol, is never changed: by the database, not by good manners.
APPEND_ONLY = ("track_batches", "patrol_events", "verdicts")
REFUSE = """
CREATE FUNCTION refuse_change_of_record() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$
"""
KEEP = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_record();
CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_record();
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'qinghe_app') AND current_user <> 'qinghe_app' THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM qinghe_app;
    END IF;
END $$
"""


def upgrade():
    moment = sa.DateTime(timezone=True)
    listed = postgresql.JSONB(astext_type=sa.Text())
    op.create_table(
        "patrols",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("first_contact_at", moment, nullable=False),
        sa.Column("last_contact_at", moment, nullable=False),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("unit_code", sa.Text(), nullable=True),
        sa.Column("role_in_force", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("reaches", listed, nullable=False),
        sa.Column("own_reaches", listed, nullable=False),
        sa.Column("practice", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("mode", sa.Text(), server_default="walk", nullable=False),
        sa.Column("device_started_at", moment, nullable=True),
        sa.Column("start_sent_at", moment, nullable=True),
        sa.Column("started_at", moment, nullable=True),
        sa.Column("device_ended_at", moment, nullable=True),
        sa.Column("finish_sent_at", moment, nullable=True),
        sa.Column("finish_received_at", moment, nullable=True),
        sa.Column("finished_at", moment, nullable=True),
        sa.Column("finished_by", sa.Text(), nullable=True),
        sa.Column("batches_made", listed, nullable=False),
        sa.Column("began_at", moment, nullable=False),
        sa.Column("ended_at", moment, nullable=True),
        sa.Column("skew_s", sa.Float(), server_default="0", nullable=False),
        sa.Column("points", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_point_at", moment, nullable=True),
        sa.Column("last_lon", sa.Float(), nullable=True),
        sa.Column("last_lat", sa.Float(), nullable=True),
        sa.Column("battery", sa.Integer(), nullable=True),
        sa.Column("signature", sa.LargeBinary(), nullable=True),
        sa.Column("judge_at", moment, nullable=True),
        sa.Column("verdict_seq", sa.Integer(), server_default="0", nullable=False),
        sa.Column("valid", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_patrols_person_id_persons")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_patrols_account_id_accounts")),
        sa.ForeignKeyConstraint(["unit_code"], ["units.code"], name=op.f("fk_patrols_unit_code_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patrols")),
    )
    op.create_index("ix_patrols_began_at_id", "patrols", ["began_at", "id"])
    op.create_index("ix_patrols_unit_code_began_at", "patrols", ["unit_code", "began_at", "id"])
    op.create_index("ix_patrols_person_id_began_at", "patrols", ["person_id", "began_at", "id"])
    op.create_index(
        "ix_patrols_unfinished", "patrols", ["last_contact_at"], postgresql_where=sa.text("finished_at is null")
    )
    op.create_table(
        "patrol_grants",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("patrol_id", sa.Uuid(), nullable=False),
        sa.Column("issued_at", moment, nullable=False),
        sa.ForeignKeyConstraint(["patrol_id"], ["patrols.id"], name=op.f("fk_patrol_grants_patrol_id_patrols")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_patrol_grants")),
    )
    op.create_index("ix_patrol_grants_patrol_id", "patrol_grants", ["patrol_id"])
    op.create_table(
        "track_batches",
        sa.Column("patrol_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("sent_at", moment, nullable=False),
        sa.Column("received_at", moment, nullable=False),
        sa.Column("coord_type", sa.Text(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_lon", sa.Float(), nullable=True),
        sa.Column("last_lat", sa.Float(), nullable=True),
        sa.Column("battery", sa.Integer(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["patrol_id"], ["patrols.id"], name=op.f("fk_track_batches_patrol_id_patrols")),
        sa.PrimaryKeyConstraint("patrol_id", "id", name=op.f("pk_track_batches")),
    )
    # Packed already: trying to compress it again costs time and saves nothing.
    op.execute("ALTER TABLE track_batches ALTER COLUMN data SET STORAGE EXTERNAL")
    op.create_table(
        "patrol_companions",
        sa.Column("patrol_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("own_reaches", listed, nullable=False),
        sa.Column("declined_at", moment, nullable=True),
        sa.ForeignKeyConstraint(["patrol_id"], ["patrols.id"], name=op.f("fk_patrol_companions_patrol_id_patrols")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_patrol_companions_person_id_persons")),
        sa.ForeignKeyConstraint(["unit_code"], ["units.code"], name=op.f("fk_patrol_companions_unit_code_units")),
        sa.PrimaryKeyConstraint("patrol_id", "person_id", name=op.f("pk_patrol_companions")),
    )
    op.create_index("ix_patrol_companions_person_id", "patrol_companions", ["person_id"])
    op.create_table(
        "patrol_events",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("patrol_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("data", listed, nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["patrol_id"], ["patrols.id"], name=op.f("fk_patrol_events_patrol_id_patrols")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patrol_events")),
        sa.UniqueConstraint("patrol_id", "seq", name=op.f("uq_patrol_events_patrol_id_seq")),
    )
    op.create_table(
        "verdicts",
        sa.Column("patrol_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("valid", sa.Boolean(), nullable=False),
        sa.Column("county_version", sa.Integer(), nullable=False),
        sa.Column("facts", listed, nullable=False),
        sa.Column("judgement", listed, nullable=False),
        sa.Column("decision", listed, nullable=False),
        sa.Column("inputs", listed, nullable=False),
        sa.ForeignKeyConstraint(["patrol_id"], ["patrols.id"], name=op.f("fk_verdicts_patrol_id_patrols")),
        sa.PrimaryKeyConstraint("patrol_id", "seq", name=op.f("pk_verdicts")),
    )
    op.create_table(
        "patrol_appeals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patrol_id", sa.Uuid(), nullable=False),
        sa.Column("verdict_seq", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("decided_at", moment, nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("upheld", sa.Boolean(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["patrol_id"], ["patrols.id"], name=op.f("fk_patrol_appeals_patrol_id_patrols")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patrol_appeals")),
    )
    undecided = sa.text("decided_at is null")
    op.create_index("uq_patrol_appeals_open", "patrol_appeals", ["patrol_id"], unique=True, postgresql_where=undecided)
    op.create_index("ix_patrol_appeals_patrol_id", "patrol_appeals", ["patrol_id"])
    op.create_index("ix_patrol_appeals_undecided", "patrol_appeals", ["id"], postgresql_where=undecided)
    op.add_column("notices", sa.Column("patrol_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_notices_patrol_id_patrols"), "notices", "patrols", ["patrol_id"], ["id"])
    op.add_column("photos", sa.Column("patrol_id", sa.Uuid(), nullable=True))
    op.add_column("photos", sa.Column("shot_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_photos_patrol_id_patrols"), "photos", "patrols", ["patrol_id"], ["id"])
    op.create_unique_constraint(op.f("uq_photos_patrol_id_shot_id"), "photos", ["patrol_id", "shot_id"])
    op.execute(REFUSE)
    for table in APPEND_ONLY:
        op.execute(KEEP.format(table=table))


def downgrade():
    op.execute("DROP FUNCTION refuse_change_of_record CASCADE")
    op.drop_constraint(op.f("uq_photos_patrol_id_shot_id"), "photos")
    op.drop_constraint(op.f("fk_photos_patrol_id_patrols"), "photos")
    op.drop_column("photos", "shot_id")
    op.drop_column("photos", "patrol_id")
    op.drop_constraint(op.f("fk_notices_patrol_id_patrols"), "notices")
    op.drop_column("notices", "patrol_id")
    for table in (
        "patrol_appeals",
        "verdicts",
        "patrol_events",
        "patrol_companions",
        "track_batches",
        "patrol_grants",
        "patrols",
    ):
        op.drop_table(table)
