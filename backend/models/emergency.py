"""Emergencies declared on cases, and the units that were dispatched."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship
from uuid6 import uuid7

from backend.extensions import Base


class Emergency(Base):
    """An emergency 应急联动 declared on a case by event `seq`, until it is stood down. One at a time per case.

    `plan`: the code of the plan 预案 of the county version, None when the office called units in without one.
    `stood_down_how`: office, or case (with the case).
    """

    __tablename__ = "emergencies"
    __table_args__ = (
        Index("uq_emergencies_running", "case_id", unique=True, postgresql_where="stood_down_at is null"),
        Index("ix_emergencies_case_id_id", "case_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    seq: Mapped[int]
    plan: Mapped[str | None]
    plan_name: Mapped[str]
    by: Mapped[str]
    by_role: Mapped[str]
    declared_at: Mapped[datetime]
    stood_down_at: Mapped[datetime | None]
    stood_down_how: Mapped[str | None]
    county_version: Mapped[int]

    dispatches: Mapped[list[Dispatch]] = relationship(order_by="Dispatch.id", lazy="selectin")


class Dispatch(Base):
    """A unit called by an emergency: what it does, whom to ring there, by when it has to answer 应答, when it did.

    `climbed_to`: the highest rung of the line that was called because it did not. A unit that holds no part of the
    case any more (released, reassigned) is called no further.
    """

    __tablename__ = "dispatches"
    __table_args__ = (UniqueConstraint("emergency_id", "unit_code"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    emergency_id: Mapped[UUID] = mapped_column(ForeignKey("emergencies.id"))
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    unit_code: Mapped[str] = mapped_column(ForeignKey("units.code"))
    duty: Mapped[str]
    phone: Mapped[str]
    called_at: Mapped[datetime]
    due_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]
    climbed_to: Mapped[str | None]
