"""Surges of reports: many on one township at once."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column
from uuid6 import uuid7

from backend.extensions import Base


class ReportSurge(Base):
    """So many reports in so many hours on one township 举报激增; they are counted in no later surge.

    `anonymous` of the `reports`; the others came from so many `accounts`: one account with ten reports is another story
    than ten accounts with one.
    """

    __tablename__ = "report_surges"
    __table_args__ = (Index("ix_report_surges_at", "at"), Index("ix_report_surges_unit_code", "unit_code", "at"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    unit_code: Mapped[str] = mapped_column(ForeignKey("units.code"))
    at: Mapped[datetime]
    hours: Mapped[int]
    at_least: Mapped[int]
    reports: Mapped[int]
    anonymous: Mapped[int]
    accounts: Mapped[int]
    county_version: Mapped[int]
