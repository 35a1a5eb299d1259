"""The county's targets 目标指标, the sewage treatment rate and the like, and the values that were entered for them."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric
from sqlalchemy.orm import Mapped, mapped_column
from uuid6 import uuid7

from backend.extensions import Base


class Target(Base):
    """A target as written at a time: rows of the same `code` are one target, the last one counts, none is changed.

    `better`: whether a higher or a lower value is the better one. `measure`: the unit of its numbers, such as %.
    """

    __tablename__ = "targets"
    __table_args__ = (
        Index("ix_targets_code", "code", "id"),
        CheckConstraint("better in ('higher','lower')", name="better"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    code: Mapped[UUID]
    name: Mapped[str]
    measure: Mapped[str]
    better: Mapped[str]
    goal: Mapped[float] = mapped_column(Numeric(14, 3, asdecimal=False))
    goal_on: Mapped[date]
    unit_code: Mapped[str] = mapped_column(ForeignKey("units.code"))
    ended: Mapped[bool] = mapped_column(default=False)
    made_at: Mapped[datetime]
    made_by: Mapped[str]


class TargetValue(Base):
    """A value of a target on a day. Of several for one day the last counts; the earlier ones were corrected.

    `source`: where the number comes from. `reason`: why an earlier value was wrong; empty for the first.
    """

    __tablename__ = "target_values"
    __table_args__ = (Index("ix_target_values_code_on", "code", "on", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    code: Mapped[UUID]
    on: Mapped[date]
    value: Mapped[float] = mapped_column(Numeric(14, 3, asdecimal=False))
    source: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    made_at: Mapped[datetime]
    made_by: Mapped[str]
