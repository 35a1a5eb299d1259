"""Supervision letters, and the replies of the units."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship
from uuid6 import uuid7

from backend.extensions import Base


class Supervision(Base):
    """A letter of supervision 督办函 to one unit of a case: 清督〔2026〕12号. Its demands are the words of event `seq`.

    stage: awaiting_reply → replied → accepted (or awaiting_reply again, when sent back) → ended. `why`: hand, overdue,
    failed_follow_up or recurrences. `ended_how`: case (with the case), unit (it holds the case no longer) or office.
    """

    __tablename__ = "supervisions"
    __table_args__ = (
        UniqueConstraint("year", "serial"),
        Index("uq_supervisions_open", "case_id", "unit_code", unique=True, postgresql_where="ended_at is null"),
        Index("ix_supervisions_case_id_id", "case_id", "id"),
        Index("ix_supervisions_unit_code_id", "unit_code", "id"),
        Index("ix_supervisions_opened_at", "opened_at"),
        Index("ix_supervisions_stage_id", "stage", "id"),
        CheckConstraint("stage in ('awaiting_reply','replied','accepted','ended')", name="stage"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    seq: Mapped[int]
    year: Mapped[int]
    serial: Mapped[int]
    number: Mapped[str]
    unit_code: Mapped[str] = mapped_column(ForeignKey("units.code"))
    why: Mapped[str]
    stage: Mapped[str] = mapped_column(default="awaiting_reply")
    by: Mapped[str]
    by_role: Mapped[str]
    opened_at: Mapped[datetime]
    reply_by: Mapped[datetime]
    escalated_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_how: Mapped[str | None]
    county_version: Mapped[int]

    replies: Mapped[list[SupervisionReply]] = relationship(order_by="SupervisionReply.id", lazy="selectin")


class SupervisionReply(Base):
    """A unit's reply in writing, the words of event `seq`, and what the office decided: accepted or sent_back."""

    __tablename__ = "supervision_replies"
    __table_args__ = (UniqueConstraint("supervision_id", "seq"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    supervision_id: Mapped[UUID] = mapped_column(ForeignKey("supervisions.id"))
    seq: Mapped[int]
    at: Mapped[datetime]
    photos: Mapped[list[str]] = mapped_column(default=list)
    decision: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decision_seq: Mapped[int | None]
