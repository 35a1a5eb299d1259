"""One plan per drinking-water source 一源一策, and its measures as items with an owner and a day."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column
from uuid6 import uuid7

from backend.extensions import Base


class IntakePlan(Base):
    """The plan of a drinking-water intake as written at a time; the last one counts, the others are its history."""

    __tablename__ = "intake_plans"
    __table_args__ = (Index("ix_intake_plans_code", "code", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    code: Mapped[str]
    text: Mapped[str]
    responsible: Mapped[str]
    responsible_unit: Mapped[str] = mapped_column(ForeignKey("units.code"))
    made_at: Mapped[datetime]
    made_by: Mapped[str]


class Measure(Base):
    """A measure 措施 of the plan: what, by whom, until when. state: open → done | dropped; done can be opened again.

    It is overdue after `due_on`, a day of Asia/Shanghai, for as long as it is open.
    """

    __tablename__ = "measures"
    __table_args__ = (
        Index("ix_measures_code", "code"),
        Index("ix_measures_state_due_on", "state", "due_on", "id"),
        Index("ix_measures_unit_code_state_due_on", "unit_code", "state", "due_on", "id"),
        CheckConstraint("state in ('open','done','dropped')", name="state"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    code: Mapped[str]
    text: Mapped[str]
    unit_code: Mapped[str] = mapped_column(ForeignKey("units.code"))
    person: Mapped[str]
    due_on: Mapped[date]
    state: Mapped[str] = mapped_column(default="open")
    version: Mapped[int] = mapped_column(default=1)
    made_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None]
    done_words: Mapped[str | None]
    overdue_told_at: Mapped[datetime | None]
