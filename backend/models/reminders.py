"""Reminders: who was reminded of which deadline, by whom, in which words, and what they answered."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column
from uuid6 import uuid7

from backend.extensions import Base


class Reminder(Base):
    """A reminder 催办 of one rung of the line: `to_role` (handler, head, office or county_chief) of `to_unit`.

    By the timer it is a `step` of the ladder of a clock whose deadline was `due_at`; by hand `step` is "hand" and
    there is no clock. The words are those of the event `seq` of the case, the reply's those of `reply_seq`.
    `skipped_at` instead of `sent_at`: the step fell due while a higher one did too, which alone was sent.
    """

    __tablename__ = "reminders"
    __table_args__ = (
        UniqueConstraint("clock_id", "due_at", "step", "to_unit", "to_role"),
        Index("ix_reminders_case_id_id", "case_id", "id"),
        Index("ix_reminders_to_unit_to_role_id", "to_unit", "to_role", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    seq: Mapped[int]
    clock_id: Mapped[UUID | None] = mapped_column(ForeignKey("clocks.id"))
    clock_kind: Mapped[str | None]
    due_at: Mapped[datetime | None]
    step: Mapped[str]
    to_unit: Mapped[str] = mapped_column(ForeignKey("units.code"))
    to_role: Mapped[str]
    by: Mapped[str]
    by_role: Mapped[str]
    county_version: Mapped[int]
    sent_at: Mapped[datetime | None]
    skipped_at: Mapped[datetime | None]
    reply_seq: Mapped[int | None]
    replied_at: Mapped[datetime | None]
