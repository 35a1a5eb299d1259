"""What was found odd about a photo that somebody gave as evidence."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column
from uuid6 import uuid7

from backend.extensions import Base


class EvidenceFlag(Base):
    """A flag 存疑 on one photo of a case, made when the photo was handed in under event `seq`, and never changed.

    `stage`: closure (asked for, or settled on the spot), verification or follow_up. `red` ones of a closure keep the
    case from being closed without words; `settled_seq` is the event that closed it, or sent it back, in their sight.
    `other_photo_id`: the photo that was there before. `detail` holds what was measured; domain/evidence.py says it in
    words.
    """

    __tablename__ = "evidence_flags"
    __table_args__ = (
        Index("ix_evidence_flags_case_id", "case_id", "seq"),
        CheckConstraint("stage in ('closure','verification','follow_up')", name="stage"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    photo_id: Mapped[UUID] = mapped_column(ForeignKey("photos.id"))
    seq: Mapped[int]
    stage: Mapped[str]
    kind: Mapped[str]
    red: Mapped[bool]
    detail: Mapped[dict[str, Any]]
    other_photo_id: Mapped[UUID | None] = mapped_column(ForeignKey("photos.id"))
    made_at: Mapped[datetime]
    county_version: Mapped[int]
    settled_seq: Mapped[int | None]
