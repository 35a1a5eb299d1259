"""Reports: somebody's words and photos, immutable; what is added later is a supplement."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship
from uuid6 import uuid7

from backend.extensions import Base
from backend.models.photos import Photo


class Report(Base):
    """A report 举报. `privacy` is named 实名, confidential 保密 or anonymous 匿名 (no account is kept).

    `lon`, `lat`: WGS-84 degrees of the problem's place; `accuracy_m` metres. `contact_sealed`: name and phone, sealed.
    `case_id` follows a merge, `origin_case_id` is the case that the report itself opened or was entered for.
    `forwarded_text` 转办 is what units read: phone numbers, identity numbers and names masked. The chain of its case
    holds the digest of what was given, with `salt`; both are gone once its words were erased (`erased_at`).
    `content_check`: what WeChat's content check said of the words; the states are those of `Photo.content_check`.
    """

    __tablename__ = "reports"
    __table_args__ = (Index("ix_reports_rated_at", "rated_at", postgresql_where="rated_at is not null"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    origin_case_id: Mapped[UUID] = mapped_column(
        ForeignKey("cases.id"), default=lambda context: context.get_current_parameters()["case_id"]
    )
    source: Mapped[str] = mapped_column(default="resident")
    category: Mapped[str]
    text: Mapped[str]
    forwarded_text: Mapped[str]
    forward_released_at: Mapped[datetime | None]
    lon: Mapped[float]
    lat: Mapped[float]
    accuracy_m: Mapped[float | None]
    coord_type: Mapped[str]
    address: Mapped[str] = mapped_column(default="")
    observed_at: Mapped[datetime]
    submitted_at: Mapped[datetime] = mapped_column(index=True)
    privacy: Mapped[str]
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    contact_sealed: Mapped[str | None]
    receipt_hash: Mapped[str] = mapped_column(unique=True)
    withdrawn_at: Mapped[datetime | None]
    content_check: Mapped[str] = mapped_column(default="missing", server_default="missing")
    content_label: Mapped[int | None]
    appealed_at: Mapped[datetime | None]
    disputed_at: Mapped[datetime | None]
    rating: Mapped[int | None]
    rating_text: Mapped[str | None]
    rated_at: Mapped[datetime | None]
    extra: Mapped[dict[str, Any]] = mapped_column(default=dict)
    salt: Mapped[str | None]
    erased_at: Mapped[datetime | None]

    photos: Mapped[list[Photo]] = relationship(foreign_keys=[Photo.report_id], order_by=Photo.id, viewonly=True)
    supplements: Mapped[list[Supplement]] = relationship(order_by="Supplement.id", viewonly=True)


class Supplement(Base):
    """Words and photos added to a report later 补充. `released_at`: since when units may read them.

    An event holds the digest of the words with `salt`; both are gone once erased.
    """

    __tablename__ = "supplements"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    report_id: Mapped[UUID] = mapped_column(ForeignKey("reports.id"), index=True)
    text: Mapped[str]
    forwarded_text: Mapped[str]
    created_at: Mapped[datetime]
    salt: Mapped[str | None]
    erased_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]

    photos: Mapped[list[Photo]] = relationship(foreign_keys=[Photo.supplement_id], order_by=Photo.id, viewonly=True)
