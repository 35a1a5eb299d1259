"""Risk sources: the register as it changed, who looked at them, and what became of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column
from uuid6 import uuid7

from backend.extensions import Base


class RiskSourceVersion(Base):
    """A risk source 风险源 as it is on the register from a day on. Never changed: a change is another row.

    Of the rows of a code whose day has come the last counts, by day and then by id. origin: file (the county's files,
    which only begin the register) or office. `lon`, `lat`: WGS-84 degrees.
    """

    __tablename__ = "risk_source_versions"
    __table_args__ = (
        Index("ix_risk_source_versions_code", "code", "effective_on", "id"),
        CheckConstraint("kind in ('outfall','sand_pit','water_intake','plant')", name="kind"),
        CheckConstraint("status in ('watched','closed')", name="status"),
        CheckConstraint("origin in ('file','office')", name="origin"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    code: Mapped[str]
    effective_on: Mapped[date]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]
    origin: Mapped[str]
    reason: Mapped[str]
    name: Mapped[str]
    kind: Mapped[str]
    status: Mapped[str]
    unit_code: Mapped[str] = mapped_column(ForeignKey("units.code"))
    reach: Mapped[str | None]
    near_m: Mapped[float]
    lon: Mapped[float]
    lat: Mapped[float]


class RiskSourceEvent(Base):
    """Something that happened to a risk source: registered, changed, inspected, planned for … Append-only."""

    __tablename__ = "risk_source_events"
    __table_args__ = (Index("ix_risk_source_events_code", "code", "id"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    code: Mapped[str]
    at: Mapped[datetime]
    kind: Mapped[str]
    actor: Mapped[str]
    role: Mapped[str]
    unit_code: Mapped[str | None]
    data: Mapped[dict[str, Any]]


class Inspection(Base):
    """Somebody looked at a risk source 巡查. result: normal, or problem, which opened `case_id`.

    `lon`, `lat` (WGS-84 degrees) is where the inspector stood, `distance_m` how far from the source.
    """

    __tablename__ = "inspections"
    __table_args__ = (
        Index("ix_inspections_code_at", "code", "at"),
        CheckConstraint("result in ('normal','problem')", name="result"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    code: Mapped[str]
    at: Mapped[datetime]
    by: Mapped[str]
    role: Mapped[str]
    unit_code: Mapped[str | None]
    result: Mapped[str]
    words: Mapped[str]
    lon: Mapped[float | None]
    lat: Mapped[float | None]
    distance_m: Mapped[float | None]
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"))


class RiskSourceAlert(Base):
    """So many cases in so many days on one source 风险源预警; `cases` are told of in no later alert."""

    __tablename__ = "risk_source_alerts"
    __table_args__ = (Index("ix_risk_source_alerts_code", "code", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    code: Mapped[str]
    at: Mapped[datetime]
    days: Mapped[int]
    at_least: Mapped[int]
    cases: Mapped[list[str]]
    county_version: Mapped[int]
