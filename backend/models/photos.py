"""Photos: what was uploaded, whether it was found sound, and what it proves."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column
from uuid6 import uuid7

from backend.extensions import Base


class Photo(Base):
    """A photo 照片. It belongs to whoever holds its claim, never to an account: an anonymous one leaves no trace.

    state: requested → uploaded → sound | refused; erased when the law asks for it. `taken_at`, `lon`, `lat` come from
    the original's EXIF; `claimed_*` are what the app said. Coordinates are WGS-84 degrees.
    """

    __tablename__ = "photos"
    __table_args__ = (UniqueConstraint("patrol_id", "shot_id"),)

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
    purpose: Mapped[str] = mapped_column(default="report")
    sha256: Mapped[str | None]
    phash: Mapped[int | None] = mapped_column(BigInteger)
    width: Mapped[int | None]
    height: Mapped[int | None]
    taken_at: Mapped[datetime | None]
    lon: Mapped[float | None]
    lat: Mapped[float | None]
    claimed_at: Mapped[datetime | None]
    claimed_lon: Mapped[float | None]
    claimed_lat: Mapped[float | None]

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
