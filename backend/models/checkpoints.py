"""Visits to the checkpoints of a reach, as the phone told them and as they were measured."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from backend.extensions import Base


class CheckpointVisit(Base):
    """A visit 打卡 to a checkpoint on a patrol, append-only. `at`: the phone's clock; `lon`, `lat`: WGS-84.

    `reached`: whether it counts, by "place" (near enough, its accuracy considered) or by the board's "code" where the
    phone had no place; `why_not` says in words why it does not.
    """

    __tablename__ = "checkpoint_visits"

    patrol_id: Mapped[UUID] = mapped_column(ForeignKey("patrols.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    checkpoint: Mapped[str]
    reach: Mapped[str | None]
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    lon: Mapped[float | None]
    lat: Mapped[float | None]
    accuracy_m: Mapped[float | None]
    distance_m: Mapped[float | None]
    reached: Mapped[bool]
    by: Mapped[str | None]
    why_not: Mapped[str | None]
    county_version: Mapped[int]
