"""evidence examined: photos found by likeness, and what is odd about them

Revision ID: 0015
Revises: 0014

"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

BANDS = (
    "CASE WHEN phash IS NOT NULL THEN ARRAY[(phash & 65535)::integer, ((phash >> 16) & 65535)::integer + 65536, "
    "((phash >> 32) & 65535)::integer + 131072, ((phash >> 48) & 65535)::integer + 196608] END"
)


def upgrade():
    op.add_column("photos", sa.Column("phash_mirrored", sa.BigInteger(), nullable=True))
    for name in ("fine", "fine_mirrored"):
        op.add_column("photos", sa.Column(name, sa.LargeBinary(), nullable=True))
    op.add_column(
        "photos",
        sa.Column("bands", postgresql.ARRAY(sa.Integer()), sa.Computed(BANDS, persisted=True), nullable=True),
    )
    op.create_index("ix_photos_sha256", "photos", ["sha256"], postgresql_where=sa.text("sha256 is not null"))
    op.create_index("ix_photos_bands", "photos", ["bands"], postgresql_using="gin")
    op.create_table(
        "evidence_flags",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("photo_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("red", sa.Boolean(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("other_photo_id", sa.Uuid(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("county_version", sa.Integer(), nullable=False),
        sa.Column("settled_seq", sa.Integer(), nullable=True),
        sa.CheckConstraint("stage in ('closure','verification','follow_up')", name=op.f("ck_evidence_flags_stage")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_evidence_flags_case_id_cases")),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], name=op.f("fk_evidence_flags_photo_id_photos")),
        sa.ForeignKeyConstraint(
            ["other_photo_id"], ["photos.id"], name=op.f("fk_evidence_flags_other_photo_id_photos")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_flags")),
    )
    op.create_index("ix_evidence_flags_case_id", "evidence_flags", ["case_id", "seq"])


def downgrade():
    op.drop_table("evidence_flags")
    op.drop_index("ix_photos_bands", "photos")
    op.drop_index("ix_photos_sha256", "photos", postgresql_where=sa.text("sha256 is not null"))
    op.drop_column("photos", "bands")
    for name in ("fine_mirrored", "fine", "phash_mirrored"):
        op.drop_column("photos", name)
