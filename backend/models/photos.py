"""Photos: what was uploaded, whether it was found sound, and what it proves."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Computed, ForeignKey, Index, Integer, UniqueConstraint, or_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from uuid6 import uuid7

from backend.extensions import Base

# The perceptual hash cut into four bands of 16 bits, each with the number of its place; domain/likeness.py searches it.
BANDS = (
    "CASE WHEN phash IS NOT NULL THEN ARRAY[(phash & 65535)::integer, ((phash >> 16) & 65535)::integer + 65536, "
    "((phash >> 32) & 65535)::integer + 131072, ((phash >> 48) & 65535)::integer + 196608] END"
)

_HOLDERS = ("report_id", "case_id", "patrol_id", "inspection_id", "measure_id")


class Photo(Base):
    """A photo 照片. It belongs to whoever holds its claim, never to an account: an anonymous one leaves no trace.

    state: requested → uploaded → sound | refused; erased when the law asks for it. `taken_at`, `lon`, `lat` come from
    the original's EXIF; `claimed_*` are what the app said. Coordinates are WGS-84 degrees; a photo of an
    anonymous report keeps none. purpose: report, patrol, after (of a finding, until it is evidence), practice,
    appeal, inspection, measure, or of a case: before, evidence (of what was done), note (adds to the record),
    verification, follow_up.
    `sha256` is that of the file as uploaded, `content_type` the type under which it was to be uploaded.
    `content_check` is what WeChat's content check said: missing (never asked, or no answer) | waiting | pass | review |
    risky; `content_trace_id` is the number under which its answer will come.
    """

    __tablename__ = "photos"
    __table_args__ = (
        UniqueConstraint("patrol_id", "shot_id"),
        Index("ix_photos_sha256", "sha256", postgresql_where="sha256 is not null"),
        Index("ix_photos_bands", "bands", postgresql_using="gin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    claim_hash: Mapped[str]
    state: Mapped[str] = mapped_column(default="requested")
    refusal: Mapped[str | None]
    refusal_title: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(index=True)
    report_id: Mapped[UUID | None] = mapped_column(ForeignKey("reports.id"), index=True)
    supplement_id: Mapped[UUID | None] = mapped_column(ForeignKey("supplements.id"), index=True)
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"), index=True)
    # A photo taken on a patrol, and the phone's own UUID of that shot.
    patrol_id: Mapped[UUID | None] = mapped_column(ForeignKey("patrols.id"))
    shot_id: Mapped[UUID | None]
    # The lines of the stamp on its stamped copy; None while there is no such copy.
    stamped: Mapped[list[str] | None]
    inspection_id: Mapped[UUID | None] = mapped_column(ForeignKey("inspections.id"), index=True)
    measure_id: Mapped[UUID | None] = mapped_column(ForeignKey("measures.id"), index=True)
    purpose: Mapped[str] = mapped_column(default="report")
    content_type: Mapped[str | None]
    sha256: Mapped[str | None]
    phash: Mapped[int | None] = mapped_column(BigInteger)
    # A finer hash of 256 bits, and what both would be if the picture were turned left to right.
    phash_mirrored: Mapped[int | None] = mapped_column(BigInteger)
    fine: Mapped[bytes | None]
    fine_mirrored: Mapped[bytes | None]
    bands: Mapped[list[int] | None] = mapped_column(ARRAY(Integer()), Computed(BANDS, persisted=True))
    width: Mapped[int | None]
    height: Mapped[int | None]
    taken_at: Mapped[datetime | None]
    lon: Mapped[float | None]
    lat: Mapped[float | None]
    claimed_at: Mapped[datetime | None]
    claimed_lon: Mapped[float | None]
    claimed_lat: Mapped[float | None]
    content_check: Mapped[str] = mapped_column(default="missing", server_default="missing")
    content_label: Mapped[int | None]
    content_trace_id: Mapped[str | None] = mapped_column(index=True)

    @classmethod
    def held(cls) -> ColumnElement[bool]:
        """Whether something refers to it, in SQL; what nothing refers to can be used, and is removed after a day."""
        return or_(*(getattr(cls, name).is_not(None) for name in _HOLDERS))

    @property
    def used(self) -> bool:
        return any(getattr(self, name) is not None for name in _HOLDERS)

    @property
    def original_key(self) -> str:
        return f"original/{self.id}"

    @property
    def display_key(self) -> str:
        return f"display/{self.id}.jpg"

    @property
    def stamped_key(self) -> str:
        return f"stamped/{self.id}.jpg"

    @property
    def thumbnail_key(self) -> str:
        return f"thumbnail/{self.id}.jpg"
