"""Look-backs: planned, carried out, and the draws that chose some of them."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column
from uuid6 import uuid7

from backend.extensions import Base


class FollowUp(Base):
    """A look-back 回头看 at a closed case.

    origin: rule, sample (by a draw), dispute, office (by hand) or own (an inspector went unasked).
    state: planned → passed | failed; superseded when another took its place, or the case was reopened before its day.
    It counts from `from_on` on, a day of Asia/Shanghai, and is overdue after `due_at`. `lon`, `lat` (WGS-84 degrees) is
    where the inspector stood, `distance_m` how far from the case; None when the case has no point of its own.
    """

    __tablename__ = "follow_ups"
    __table_args__ = (
        Index("uq_follow_ups_planned", "case_id", unique=True, postgresql_where="state = 'planned'"),
        Index("ix_follow_ups_case_id", "case_id"),
        Index("ix_follow_ups_due", "due_at", "id", postgresql_where="state = 'planned'"),
        Index("ix_follow_ups_state_due_at", "state", "due_at", "id"),
        Index("ix_follow_ups_inspector_id_due_at", "inspector_id", "due_at", "id"),
        CheckConstraint("origin in ('rule','sample','dispute','office','own')", name="origin"),
        CheckConstraint("state in ('planned','passed','failed','superseded')", name="state"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    origin: Mapped[str]
    reason: Mapped[str]
    state: Mapped[str] = mapped_column(default="planned")
    planned_at: Mapped[datetime]
    from_on: Mapped[date]
    due_at: Mapped[datetime]
    county_version: Mapped[int]
    draw_id: Mapped[UUID | None] = mapped_column(ForeignKey("follow_up_draws.id"))
    inspector_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    ended_at: Mapped[datetime | None]
    # Who carried it out, as events name people; another may go than whom it was given to.
    ended_by: Mapped[str | None]
    ended_seq: Mapped[int | None]
    lon: Mapped[float | None]
    lat: Mapped[float | None]
    distance_m: Mapped[float | None]
    overdue_told_at: Mapped[datetime | None]

    def overdue(self, now: datetime) -> bool:
        """Whether it was, or is still, not carried out in time."""
        return self.due_at < (self.ended_at or now)


class FollowUpDraw(Base):
    """A draw 抽查: which of the cases that a unit closed in a month are looked at again.

    `numbers`: the cases that were in it, by number. domain/follow_up_draws.py says how `seed` chooses among them, so
    that anybody who is given this row can draw again.
    """

    __tablename__ = "follow_up_draws"
    __table_args__ = (UniqueConstraint("month", "unit_code"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    month: Mapped[date]
    unit_code: Mapped[str] = mapped_column(ForeignKey("units.code"))
    seed: Mapped[str]
    share: Mapped[float]
    at_least: Mapped[int]
    numbers: Mapped[list[str]]
    picked: Mapped[list[str]]
    drawn_at: Mapped[datetime]
    county_version: Mapped[int]
