"""Delegations: who stands in for whom."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column
from uuid6 import uuid7

from backend.extensions import Base


class Delegation(Base):
    """A deputy B角 who stands in for somebody of the same unit, from one day to another, both included.

    Days are days of Asia/Shanghai. `made_by` and `ended_by` are labels as events have them (Actor.label).
    """

    __tablename__ = "delegations"
    __table_args__ = (
        Index("ix_delegations_person_id", "person_id", postgresql_where="ended_at is null"),
        Index("ix_delegations_deputy_id", "deputy_id", postgresql_where="ended_at is null"),
        Index("ix_delegations_unit_code_id", "unit_code", "id"),
        CheckConstraint("from_on <= to_on", name="days"),
        CheckConstraint("person_id <> deputy_id", name="two_people"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    deputy_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    unit_code: Mapped[str] = mapped_column(ForeignKey("units.code"))
    from_on: Mapped[date]
    to_on: Mapped[date]
    reason: Mapped[str]
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
