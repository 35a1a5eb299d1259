"""Reminders of patrol duties, sent by hand: who was reminded of which period, by whom and in which words."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column
from uuid6 import uuid7

from backend.extensions import Base


class DutyReminder(Base):
    """A reminder 巡河提醒 of what a chief owed in a period, append-only. `needed` and `done` as they then stood."""

    __tablename__ = "duty_reminders"
    __table_args__ = (Index("ix_duty_reminders_role_id_sent_at", "role_id", "sent_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    role_id: Mapped[UUID] = mapped_column(ForeignKey("roster_roles.id"))
    per: Mapped[str]
    first: Mapped[date]
    needed: Mapped[int]
    done: Mapped[int]
    reason: Mapped[str]
    by: Mapped[str]
    by_role: Mapped[str]
    sent_at: Mapped[datetime]
